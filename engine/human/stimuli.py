"""Pictures for a viewing test: noise shaped by a human JND, all of one energy.

At one PSNR the model whose noise viewers like best knows best where changes are hidden.
"""

from __future__ import annotations

import numpy as np

from ..errors import UsageError
from .injection import inject, level_for_psnr
from .models import HUMAN_MODELS, thresholds

ORIGINAL = "original"  # the picture itself
FLAT = "flat"  # white Gaussian noise, as strong everywhere: no model at all


def stimulus(pixels: np.ndarray, kind: str, psnr_db: float, seed: int = 0) -> np.ndarray:
    """uint8 H×W×3 -> uint8 H×W×3: noise in proportion to the JND named by `kind`, at this PSNR.

    kind: a row of `HUMAN_MODELS`, "flat" or "original". Raises UsageError, also for a PSNR that
    no noise of that kind reaches.
    """
    if kind == ORIGINAL:
        return pixels
    if kind == FLAT:
        drawn = np.random.default_rng((seed, 1)).standard_normal(pixels.shape[:2], np.float32)
        jnd = np.repeat(np.abs(drawn)[:, :, None], 3, axis=2)  # the signs are drawn by `inject`
    elif kind in HUMAN_MODELS:
        jnd = thresholds(pixels, kind)
    else:
        known = ", ".join((ORIGINAL, FLAT, *HUMAN_MODELS))
        raise UsageError(f"no stimulus {kind!r}: choose from {known}")
    return inject(pixels, jnd, level_for_psnr(pixels, jnd, psnr_db, seed), seed)
