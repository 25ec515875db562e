"""The numbers of one picture: noise at a model's thresholds, at equal energy and visibility.

The noise has random signs; every noisy picture is of 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from engine.human.injection import inject, level_for_psnr
from engine.human.luminance import LUMA
from engine.metrics import quality
from engine.metrics.perceptual import DISPLAY, fsim, jod, vif

from ...records.versions import METHOD_VERSIONS, metrics
from ..machine.measure import spread

PSNRS = (26.65, 30.0)  # dB, the equal energies; the first is that of Wu et al. 2017
JOD = 9.5  # the equal visibility
CLOSE = 0.003  # JOD
TRIES = 12
LEAP = 0.7  # of the logarithm of the level, at most twice or half
FAINTEST = 1e-4  # JOD below 10 that still counts as visible
SEED = 0


def level_for_jod(
    jod_at: Callable[[float], float], target: float, levels: Sequence[float]
) -> float:
    """The level at which noise has this JOD; `levels`, two or more, are tried first.

    jod_at: the JOD at a level, at most 10. The loss of quality, 10 - JOD, is nearly a power of the
    level: the next level is where the line through the two nearest, both in logarithms, meets the
    target.
    """

    def offset(level: float) -> float:
        """How far the logarithm of the loss of quality is from its target."""
        return math.log(max(10 - jod_at(level), FAINTEST) / (10 - target))

    offsets = {math.log(level): offset(level) for level in levels}
    for _ in range(TRIES):
        # Of levels that are as far away, because nothing is visible, the one on the target's side.
        near = sorted(offsets.items(), key=lambda p: (abs(p[1]), math.copysign(1, p[1]) * p[0]))
        (x, y), (other, far) = near[:2]
        if (10 - target) * abs(math.expm1(y)) < CLOSE:  # the JOD there is this far from the target
            break
        slope = (far - y) / (other - x)
        step = -y / slope if slope > 0 else math.copysign(LEAP, -y)
        following = x + min(LEAP, max(-LEAP, step))
        offsets[following] = offset(math.exp(following))
    return math.exp(min(offsets, key=lambda level: abs(offsets[level])))


def measure(pixels: np.ndarray, jnd: np.ndarray, seed: int) -> dict:
    """Every number of one picture, uint8 H×W×3, and one model's thresholds, float32 H×W×3.

    seed: of the noise's signs.
    """

    @cache
    def numbers(level: float) -> dict:
        noisy = inject(pixels, jnd, level, seed)
        decibels = quality.psnr_8bit(pixels, noisy)
        return {"level": level, "psnr_db": decibels, "jod": jod(pixels, noisy)}

    def all_numbers(level: float) -> dict:
        noisy = inject(pixels, jnd, level, seed)
        row = numbers(level) | {"ssim": quality.ssim(pixels, noisy)}
        return row | {"fsim": fsim(pixels, noisy), "vif": vif(pixels, noisy)}

    levels = [level_for_psnr(pixels, jnd, db, seed) for db in PSNRS]
    grey = np.repeat((jnd @ LUMA)[..., None], 3, 2)
    as_luma = {
        f"{db:g}": jod(pixels, inject(pixels, grey, level_for_psnr(pixels, grey, db, seed), seed))
        for db in PSNRS
    }
    level = level_for_jod(lambda level: numbers(level)["jod"], JOD, levels)
    return {
        "equal_energy": {
            f"{db:g}": all_numbers(level) for db, level in zip(PSNRS, levels, strict=True)
        },
        "as_luma": as_luma,
        "equal_visibility": numbers(level),
        "as_published": numbers(1.0) | {"mean_threshold": float(jnd.mean())},
    }


def common_key() -> dict:
    """Settings and versions that decide every row, whatever its model and pictures."""
    return {
        "psnr_db": PSNRS,
        "jod": JOD,
        "close": CLOSE,
        "tries": TRIES,
        "seed": SEED,
        "display": DISPLAY,
        "injection": METHOD_VERSIONS["injection"],
        "metrics": metrics("psnr", "ssim", "jod", "fsim", "vif"),
    }


def summary(name: str, rows: list[dict]) -> dict:
    """Mean and standard deviation over the pictures of every number of one model."""
    result: dict = {"model": name, "n": len(rows)}
    for part in ("as_published", "equal_visibility", "as_luma"):
        result[part] = averages([row[part] for row in rows])
    result["equal_energy"] = {
        db: averages([row["equal_energy"][db] for row in rows]) for db in rows[0]["equal_energy"]
    }
    return result


def averages(rows: list[dict]) -> dict:
    """Mean and standard deviation of each key of the rows."""
    result = {}
    for key in rows[0]:
        result |= spread(key, np.array([row[key] for row in rows]))
    return result
