"""The table of cloaks of large faces."""

from __future__ import annotations

from collections.abc import Callable

from ..markdown import committed, markdown, percent, source


def portraits() -> str:
    """Exact and robust cloaks of the portraits, as the command makes them."""
    result = committed("cloak_portraits")
    rows = [
        [
            row["kind"],
            f"{row['n']}",
            percent(row["success"], 0),
            f"{row['jod']:.3f} ± {row['jod_std']:.3f}",
            f"{row['jod_worst']:.3f}",
            f"{row['face_psnr_db']:.1f} ± {row['face_psnr_db_std']:.1f}",
            f"{row['attempts']:.1f}",
        ]
        for row in result["rows"]
    ]
    header = ["cloak", "faces", "success", "JOD of the face", "worst", "its PSNR, dB"]
    header += ["attempts"]
    refused = result["rows"][0]["refused"]
    return (
        f"{markdown(header, rows)}\n\n{result['n']} portraits, of which {refused} are refused: no "
        "face is found, or it is cut off. JOD and PSNR of the face and half its width around it, "
        "at the photo's own size; mean ± standard deviation over the cloaks that succeeded; "
        f"seed {result['seed']}; {source(result)}"
    )


TABLES: dict[str, Callable[[], str]] = {"cloak_portraits": portraits}
