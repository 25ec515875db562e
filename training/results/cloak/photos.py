"""Tables of the attacks on photographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...evaluate.cloak_photos.plan import WEIGHTED
from ...records.record import published
from ..markdown import markdown, percent, source
from .faces import cell, reported

NAME = "cloak_photos"
MISSING = "Not measured yet: `training evaluate cloak-photos`."
HEADER = ["method", "success", "PSNR, dB", "SSIM", "JOD", "ΔE00 99 %", "beyond JND"]


def line(row: dict, name: str) -> list[str]:
    """What `HEADER` names of one row of the attacks on photos."""
    error = 100 * row["success_standard_error"]
    return [
        name,
        f"{percent(row['success'], 0)} ± {error:.0f}",
        cell(row, "psnr_db", "{:.2f}", spread=True),
        cell(row, "ssim", "{:.4f}"),
        cell(row, "jod", "{:.3f}"),
        cell(row, "delta_e_99", "{:.2f}"),
        percent(row["beyond_jnd_share"]) if "beyond_jnd_share" in row else "–",
    ]


def note(result: dict, rows: list[dict]) -> str:
    """What the rows have in common, and where they were measured."""
    missing = f"; {len(result['missing'])} rows not measured yet" if result["missing"] else ""
    return (
        f"means over the photos that succeeded ± standard deviation, of success its standard "
        f"error; {result['size']}×{result['size']} pixels; beyond the JND of "
        f"{reported(result, rows)}{missing}; seed {result['seed']}; {source(result)}"
    )


def limited(result: dict) -> list[dict]:
    """The rows against the one classifier with the budget that all have."""
    return [
        row
        for row in result["rows"]
        if row["attacked"] == [result["attacked"]] and row["budget"]["gradients"] is not None
    ]


def cloak_photos(targeted: bool) -> str:
    """Every method with the same budget against one photo classifier, the best first."""
    result = published(NAME)
    if not result:
        return MISSING
    chosen = [
        row
        for row in limited(result)
        if row["targeted"] == targeted and row["n"] == result["photos"]
    ]
    chosen.sort(key=lambda row: (-round(row["success"], 2), -row.get("psnr_db", 0)))
    others = [name for name in result["panel"] if name != result["attacked"]]
    limit = "50"
    rows = [
        [
            *line(row, row["method"]),
            percent(row["success_at_db"][limit], 0),
            *(percent(row["transfer"][name], 0) if "transfer" in row else "–" for name in others),
            f"{row['gradients']:.0f} ± {row['gradients_std']:.0f}",
            f"{row['seconds_per_photo']:.1f}",
        ]
        for row in chosen
    ]
    header = [*HEADER, f"success at {limit} dB", *(f"also {name}" for name in others)]
    goal = "a given label" if targeted else "any other label"
    return (
        f"{markdown([*header, 'gradients', 'seconds'], rows)}\n\n{result['photos']} photos; "
        f"{result['attacked']} is to predict {goal}; at most {result['budget']} gradients a photo; "
        f"success at {limit} dB: share of all photos with success and that PSNR or more; also: of "
        f"the photos that succeeded, how many deceive the other classifiers, which took no part; "
        f"{note(result, chosen)}"
    )


def cloak_photos_jnd() -> str:
    """Rows weighted by the JND, each below the anchor that is the same without it."""
    result = published(NAME)
    if not result:
        return MISSING
    wanted = [name for pair in pairs() for name in pair]
    chosen, rows = [], []
    for targeted in (False, True):
        here = {row["method"]: row for row in limited(result) if row["targeted"] == targeted}
        for name in wanted:
            if name in here:
                row = here[name]
                weighted = row["jnd"] if name in WEIGHTED else "–"
                goal = "yes" if targeted else "no"
                chosen.append(row)
                rows.append([*line(row, name), weighted, goal, str(row["n"])])
    header = [*HEADER, "JND", "targeted", "photos"]
    return f"{markdown(header, rows)}\n\nThe first photos; {note(result, chosen)}"


def pairs() -> list[tuple[str, ...]]:
    """Each anchor and the rows that weigh it by the JND."""
    return [
        (anchor, *(name for name, of in WEIGHTED.items() if of == anchor))
        for anchor in dict.fromkeys(WEIGHTED.values())
    ]


def cloak_photos_few() -> str:
    """All classifiers at once, and the paper's method without the limit."""
    result = published(NAME)
    if not result:
        return MISSING
    chosen = [row for row in result["rows"] if row not in limited(result)]
    rows = [
        [
            *line(row, row["method"]),
            "all" if len(row["attacked"]) > 1 else ", ".join(row["attacked"]),
            "yes" if row["targeted"] else "no",
            f"{row['gradients']:.0f}",
            str(row["budget"]["gradients"] or "none"),
            f"{row['seconds_per_photo']:.1f}",
        ]
        for row in chosen
    ]
    header = [*HEADER, "deceived", "targeted", "gradients", "limit", "seconds"]
    count = max((row["n"] for row in chosen), default=0)
    return (
        f"{markdown(header, rows)}\n\nThe first {count} photos; all: the whole panel is to change "
        f"its labels; {note(result, chosen)}"
    )


TABLES: dict[str, Callable[[], str]] = {
    "cloak_photos": partial(cloak_photos, targeted=False),
    "cloak_photos_targeted": partial(cloak_photos, targeted=True),
    "cloak_photos_jnd": cloak_photos_jnd,
    "cloak_photos_few": cloak_photos_few,
}
