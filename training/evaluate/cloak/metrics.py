"""What a cloak costs the eye and gains against machines: one photo's numbers, and a row's.

The definitions are `engine.metrics.quality`'s and `engine.metrics.perceptual`'s. PSNR, SSIM, ΔE00
and the share beyond the JND are of the whole photo; JOD is of the face and half its width around
it, where all of the change is, for that is what a viewer attends to.
"""

from __future__ import annotations

import numpy as np

from engine.faces.finder import Face
from engine.images.parts import around
from engine.metrics.perceptual import jod
from engine.metrics.quality import beyond, delta_e, psnr_8bit, ssim

from .plan import Row

OVER_SUCCESSES = ("psnr_db", "ssim", "delta_e_mean", "delta_e_99", "beyond_jnd_share")
OVER_SUCCESSES += ("largest_change", "jod", "distance", "moved", "unseen_similarity")


def visible(before: np.ndarray, after: np.ndarray, jnd: np.ndarray) -> dict:
    """uint8 H×W×3 twice, J float32 H×W×3 in 8-bit levels -> numbers of the eye, whole pictures."""
    colour = delta_e(before, after)
    return {
        "psnr_db": psnr_8bit(before, after),
        "ssim": ssim(before, after),
        "delta_e_mean": float(colour.mean()),
        "delta_e_99": float(np.percentile(colour, 99)),
        "beyond_jnd_share": beyond(before, after, jnd),
        "largest_change": int(np.abs(after.astype(np.int16) - before).max()),
    }


def seen(before: np.ndarray, after: np.ndarray, jnd: np.ndarray, face: Face) -> dict:
    """`visible`, and the JOD of the face."""
    height, width = before.shape[:2]
    part = around(face.box, width, height)
    return visible(before, after, jnd) | {"jod": viewed(before[part], after[part])}


def viewed(before: np.ndarray, after: np.ndarray) -> float | None:
    """JOD of uint8 H×W×3 twice: None without cvvdp, 10 where nothing is visible."""
    try:
        return jod(before, after)
    except ModuleNotFoundError:
        return None


def means(won: list[dict]) -> dict:
    """Mean and standard deviation of what was measured of the pictures that succeeded."""
    row = {}
    for key in OVER_SUCCESSES:
        values = [photo[key] for photo in won if photo.get(key) is not None]
        finite = np.array([value for value in values if np.isfinite(value)])
        if len(finite):
            row |= {key: float(finite.mean()), f"{key}_std": float(finite.std())}
    return row


def summary(row: Row, photos: list[dict]) -> dict:
    """One row of the published table: what is seen and gained, over the photos that succeeded."""
    won = [photo for photo in photos if photo["success"]]
    mean = {
        key: float(np.mean([photo[key] for photo in photos]))
        for key in ("success", "agree", "attempts", "gradients", "seconds")
    }
    whole = {
        "method": row.method,
        "protocol": row.protocol,
        "targeted": row.targeted,
        "own": row.own,
        "jnd": row.jnd,
        "budget": row.budget,
        "source": row.choices(row.targeted).source,
        "n": len(photos),
        "success": mean["success"],
        "recognisers_agree": mean["agree"],
        "attempts": mean["attempts"],
        "gradients": mean["gradients"],
        "seconds_per_photo": mean["seconds"],
    }
    if row.protocol == "lasting":
        whole["versions"] = {
            name: float(np.mean([photo["versions_reached"][name] for photo in photos]))
            for name in photos[0]["versions_reached"]
        }
    return whole | means(won)
