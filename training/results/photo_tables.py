"""Tables about the panel of photo classifiers."""

from __future__ import annotations

from collections.abc import Callable

from .markdown import committed, markdown, percent, source


def photo_panel() -> str:
    """What 8 bits and half precision cost each classifier."""
    result = committed("photo_panel")
    rows = [
        [
            row["classifier"],
            f"{row['bytes'] / 1e6:.1f} MB",
            percent(row["accuracy_published"], 1),
            f"{percent(row['accuracy'], 1)} ± {100 * row['standard_error']:.1f}",
            percent(row["same_labelled"], 1),
            percent(row["same_unlabelled"], 1),
        ]
        for row in result["rows"]
    ]
    header = ["classifier", "file", "top-1 as published", "top-1 as stored"]
    header += ["labels unchanged", "… on other photos"]
    return (
        f"{markdown(header, rows)}\n\nTop-1 among 1,000 classes on {result['n_labelled']} photos "
        f"of ten, with the standard error; other photos: {result['n_unlabelled']}, without labels. "
        f"Data: {source(result)}"
    )


TABLES: dict[str, Callable[[], str]] = {"photo_panel": photo_panel}
