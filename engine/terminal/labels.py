"""The labels of a panel before and after, as lines of a readable report."""

from __future__ import annotations

from collections.abc import Iterable

from ..panels.predicted import LabelChange

LEAST = (10, 18, 18)  # characters of the columns


def label_lines(labels: Iterable[LabelChange]) -> list[str]:
    """A heading and one line for each classifier, in columns."""
    rows = [("classifier", "before", "after")]
    for label in labels:
        before = f"{label.before} {label.confidence_before:.1%}"
        after = f"{label.after} {label.confidence_after:.1%}"
        rows.append((label.classifier, before, after))
    widths = [
        max(least, *map(len, column)) + 2
        for least, column in zip(LEAST, zip(*rows, strict=True), strict=True)
    ]
    return ["  " + "".join(f"{w:<{n}}" for w, n in zip(row, widths, strict=True)) for row in rows]
