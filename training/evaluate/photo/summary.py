"""What is said of a row: its photos' numbers, summed up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..machine.measure import percentiles, rate, spread, standard_error
from .distortions import reached
from .plan import Row

CLOSE = 0.1  # a confidence that is kept is within this of what it was


def summary(row: Row, photos: list[dict], members: Sequence[str], unseen: Sequence[str]) -> dict:
    """A line of the result from its photos, as `distortions.measured` describes them.

    members: of the panel, the first machines of each photo; unseen: those after them.
    """
    if row.section == "clean":
        return row.settings | clean(photos, members, unseen)
    same, before, after = (
        np.array([photo[name] for photo in photos]) for name in ("same", "before", "after")
    )
    own = slice(0, len(members))
    noise = np.array([np.inf if p["psnr_db"] is None else p["psnr_db"] for p in photos])
    changed = noise[np.isfinite(noise)]
    each = same[:, own]
    line = row.settings | {
        "n": len(photos),
        "rca": float(each.mean()),
        # Over photos: the labels of one photo are not independent.
        "rca_standard_error": float(each.mean(1).std() / np.sqrt(len(photos))),
        "rca_per_classifier": dict(zip(members, each.mean(0).tolist(), strict=True)),
        "all_classifiers_keep": float(each.all(1).mean()),
        **spread("psnr_db", changed),
        "psnr_db_percentiles": percentiles(changed),
        "unchanged_photos": int((~np.isfinite(noise)).sum()),
        **confidence(before[:, own], after[:, own]),
        "labels_and_confidences_kept": float(
            (each & (np.abs(after - before)[:, own] <= CLOSE)).all(1).mean()
        ),
        "unseen": {
            name: rate(same[:, at]) | confidence(before[:, at], after[:, at])
            for at, name in enumerate(unseen, len(members))
        },
    }
    if row.of is not None:
        line["reached_share"] = float(np.mean([reached(photo) for photo in photos]))
    return line | measured_too(photos)


def confidence(before: np.ndarray, after: np.ndarray) -> dict:
    """Probabilities of the clean photo's label, before and after: means, and how many move."""
    return {
        "confidence_before": float(before.mean()),
        "confidence_after": float(after.mean()),
        "confidence_raised": float((after > before).mean()),
        "confidence_within_0.1": float((np.abs(after - before) <= CLOSE).mean()),
    }


def measured_too(photos: list[dict]) -> dict:
    """Of verified rows: how many are, the scale, the seconds, and what went wrong."""
    if "verified" not in photos[0]:
        return {}
    errors = [photo["error"] for photo in photos if "error" in photo]
    line = {
        "verified": float(np.mean([photo["verified"] for photo in photos])),
        "failed_photos": len(errors),
        "errors": sorted(set(errors)),
    }
    for name, digits in (("scale", 4), ("seconds", 3), ("search_seconds", 3)):
        values = np.array([photo[name] for photo in photos if name in photo])
        if len(values):
            line |= {key: round(value, digits) for key, value in spread(name, values).items()}
            line[f"{name}_percentiles"] = percentiles(values)
    succeeded = [photo["search_succeeded"] for photo in photos if "search_succeeded" in photo]
    return line | ({"search_succeeded": float(np.mean(succeeded))} if succeeded else {})


def clean(photos: list[dict], members: Sequence[str], unseen: Sequence[str]) -> dict:
    """Accuracy of each machine where the photos have labels, and how often they agree.

    agreement: of an unseen machine with a member of the panel, the mean over members: the ceiling
    of a change that the panel's labels are written with.
    """
    predicted = np.array([photo["predicted"] for photo in photos])
    own = predicted[:, : len(members)]
    line = {"n": len(photos), "all_members_agree": float((own == own[:, :1]).all(1).mean())}
    if all(photo["label"] is not None for photo in photos):
        truth = np.array([photo["label"] for photo in photos])
        right = (predicted == truth[:, None]).mean(0)
        line["accuracy"] = {
            name: {"top_1": float(share), "standard_error": standard_error(share, len(photos))}
            for name, share in zip((*members, *unseen), right, strict=True)
        }
    else:
        line["accuracy"] = None
    line["agreement"] = {
        name: float((own == predicted[:, at, None]).mean())
        for at, name in enumerate(unseen, len(members))
    }
    return line
