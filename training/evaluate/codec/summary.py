"""What is said of a row: its photos' numbers, summed up, and those that comparisons need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..machine.measure import percentiles, rate, spread
from .plan import CLEAN, Row


def summary(row: Row, photos: list[dict], members: Sequence[str], unseen: Sequence[str]) -> dict:
    """A line of the result from its photos, as `subject.Subject.measured` describes them.

    members: of the panel, the first machines of each photo; unseen: those after them. per_photo has
    bytes, which machines keep their label (a word for each photo, "1" or "0" of each machine), the
    numbers of the photos for which no file holds, the path of a method that has one: of each photo
    bytes and labels kept, and of plain encoding the bytes of the smallest way to write the same.
    rule: see `ruled`.
    """
    if row.method == CLEAN:
        return row.settings | clean(photos, len(members), unseen)
    kept = flags([photo["kept"] for photo in photos])
    own, outside = kept[:, : len(members)], kept[:, len(members) :]
    size = np.array([photo["bytes"] for photo in photos])
    more = {
        name: [photo.get(name) for photo in photos]
        for name in ("path", "bytes_progressive")
        if any(photo.get(name) for photo in photos)
    }
    rules = [photo["rule"] for photo in photos if photo.get("rule")]
    return row.settings | {
        "n": len(photos),
        "solved": float(np.mean([photo["solved"] for photo in photos])),
        **{name: round(value, 2) for name, value in spread("bytes", size).items()},
        "bytes_percentiles": percentiles(size),
        "bytes_original": float(np.mean([photo["bytes_original"] for photo in photos])),
        "rca": float(own.mean()),
        # Over photos: the labels of one photo are not independent.
        "rca_standard_error": float(own.mean(1).std() / np.sqrt(len(photos))),
        "rca_per_classifier": dict(zip(members, own.mean(0).tolist(), strict=True)),
        "all_classifiers_keep": float(own.all(1).mean()),
        **{
            key: value
            for name in ("psnr_db", "ssim", "jod", "scale", "seconds", "processor_seconds")
            for key, value in known(name, photos).items()
        },
        "unseen": {name: rate(outside[:, at]) for at, name in enumerate(unseen)},
        **({"rule": ruled(rules)} if rules else {}),
        "settings": chosen([photo["settings"] for photo in photos if photo["settings"]]),
        "per_photo": {
            "bytes": size.tolist(),
            "kept": " ".join(photo["kept"] for photo in photos),
            "unsolved": [at for at, photo in enumerate(photos) if not photo["solved"]],
            **more,
        },
    }


def flags(words: Sequence[str]) -> np.ndarray:
    """Words of "1" and "0", all of one length M -> booleans N×M."""
    return np.array([[letter == "1" for letter in word] for word in words], bool)


def known(name: str, photos: list[dict]) -> dict:
    """Mean and standard deviation of a number over the photos that have it, and how many."""
    values = np.array([photo[name] for photo in photos if photo[name] is not None], float)
    found = {
        key: None if value is None else round(value, 4)
        for key, value in spread(name, values).items()
    }
    return found | {f"{name}_n": len(values)}


def chosen(settings: list[dict]) -> dict:
    """Percentiles of the qualities that files were encoded with, and how often each subsampling."""
    qualities = np.array([each["quality"] for each in settings if "quality" in each])
    counts = Counter(each["subsampling"] for each in settings if "subsampling" in each)
    return {"quality": percentiles(qualities), "subsampling": dict(counts.most_common())}


def ruled(rules: list[dict]) -> dict:
    """How the rule of the method `jnd` fares, from a `Rule` of each photo as a dict.

    holds: share of photos on which steps of twice the JND keep all labels; bytes: with these steps,
    whether or not they do; multiple: percentiles of the largest multiple that keeps them, and n, on
    how many photos one does.
    """
    multiples = np.array([each["multiple"] for each in rules if each["multiple"] is not None])
    return {
        "holds": float(np.mean([each["holds"] for each in rules])),
        **spread("bytes", np.array([each["bytes"] for each in rules], float)),
        "multiple": percentiles(multiples),
        "n": len(multiples),
    }


def clean(photos: list[dict], members: int, unseen: Sequence[str]) -> dict:
    """How often machines agree about the photos themselves.

    agreement: of an unseen machine with a member of the panel, the mean over members.
    """
    predicted = np.array([photo["predicted"] for photo in photos])
    own = predicted[:, :members]
    return {
        "n": len(photos),
        "all_members_agree": float((own == own[:, :1]).all(1).mean()),
        "agreement": {
            name: float((own == predicted[:, at, None]).mean())
            for at, name in enumerate(unseen, members)
        },
    }
