"""What is said of a row: shares and means over its photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.watermark.changes import CHANGES
from engine.watermark.reader import MOST

from ..machine.measure import percentiles, rate, spread, standard_error
from .plan import Row


def summary(row: Row, photos: list[dict], members: Sequence[str], unseen: Sequence[str]) -> dict:
    """A line of the result, of photos as `photo.measured` describes them.

    n: photos; marked: share of them that could be marked, of which the rest is. read: of each
    change the share of payloads read exactly, over all photos: one that could not be marked is not
    read. rca, rca_unseen: labels kept; wrong_key: payloads read under another key.
    """
    marked = [photo for photo in photos if photo["marked"]]
    line = row.settings | {
        "n": len(photos),
        "marked": len(marked) / len(photos),
        "smallest": min(max(photo["size"]) for photo in photos),
        "errors": dict(Counter(photo["error"] for photo in photos if not photo["marked"])),
    }
    if not marked:
        return line
    own, others = (np.array([photo[name] for photo in marked]) for name in ("own", "unseen"))
    for name, digits in (("psnr_db", 3), ("ssim", 5), ("jod", 4), ("strength", 4), ("seconds", 2)):
        values = np.array([each[name] for each in marked if each[name] is not None], float)
        if len(values):
            line |= {key: round(value, digits) for key, value in spread(name, values).items()}
            line[f"{name}_n"] = len(values)
    return line | {
        "read": {
            name: share([photo["marked"] and photo["read"][name] for photo in photos])
            for name in CHANGES
        },
        "rca": rate(own.ravel()),
        "all_classifiers_keep": float(own.all(1).mean()),
        "rca_per_classifier": dict(zip(members, own.mean(0).tolist(), strict=True)),
        "rca_unseen": {name: rate(others[:, at]) for at, name in enumerate(unseen)},
        "wrong_key": sum(photo.get("wrong", False) for photo in marked),
    }


def share(matches: Sequence[bool]) -> dict:
    """How many of n are true, as a fraction."""
    found = float(np.mean(matches))
    return {"share": found, "standard_error": standard_error(found, len(matches))}


def alarms(name: str, photos: list[dict]) -> dict:
    """Unmarked photos of a set, as `false_alarms.unmarked` describes them."""
    total = {
        key: int(sum(photo[key] for photo in photos))
        for key in ("found", "attempts", "forced", "agreeing")
    }
    heights = np.array([each for photo in photos for each in photo["heights"]])
    return {
        "data": name,
        "n": len(photos),
        "readings": len(heights),
        **total,
        "agreeing_expected": total["forced"] / 256,
        "heights": percentiles(heights),
        "highest": float(heights.max()),
        "bound": MOST / 2**32,
    }
