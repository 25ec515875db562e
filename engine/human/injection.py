"""Noise at the threshold: every pixel changed by plus or minus its own JND."""

from __future__ import annotations

import math

import numpy as np

from ..errors import UsageError
from ..metrics.quality import psnr_8bit

HALVINGS = 40
CLOSE = 0.005  # dB; near enough to the requested PSNR
STRONGEST = 2.0**20  # times the threshold; beyond that every pixel with one is black or white


def signs(height: int, width: int, seed: int) -> np.ndarray:
    """float32 H×W×1 of ±1, the same for R, G and B: noise of the luma where they are alike."""
    drawn = np.random.default_rng(seed).integers(0, 2, (height, width, 1), np.int8)
    return (2 * drawn - 1).astype(np.float32)


def noise_of(pixels: np.ndarray, jnd: np.ndarray, seed: int) -> np.ndarray:
    """±JND with random signs: float32 H×W×3, or H×W×1 for a grey picture, whose noise is grey.

    There it is the least of the three thresholds: noise in colour would be the first to be seen.
    """
    if (pixels == pixels[:, :, :1]).all():
        jnd = jnd.min(axis=2, keepdims=True)
    return signs(*pixels.shape[:2], seed) * jnd


def inject(pixels: np.ndarray, jnd: np.ndarray, level: float = 1.0, seed: int = 0) -> np.ndarray:
    """x ± level·JND with random signs, clipped to 0…255 and rounded: uint8 H×W×3, grey where x is.

    pixels uint8 H×W×3, jnd float32 H×W×3 in 8-bit levels, level ≥ 0.
    """
    return _add(pixels, noise_of(pixels, jnd, seed), level)


def _add(pixels: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    return np.rint(np.clip(pixels + np.float32(level) * noise, 0, 255)).astype(np.uint8)


def level_for_psnr(pixels: np.ndarray, jnd: np.ndarray, psnr_db: float, seed: int = 0) -> float:
    """The level at which the 8-bit picture of `inject` has this PSNR, by bisection.

    A stronger level never raises the PSNR. Raises UsageError where no level brings it down to
    psnr_db (the limit is in the message).
    """
    noise = noise_of(pixels, jnd, seed)

    def reached(level: float) -> float:
        return psnr_8bit(pixels, _add(pixels, noise, level))

    low, high = 0.0, 1.0
    while reached(high) > psnr_db:
        low, high = high, 2 * high
        if high > STRONGEST:
            strongest = reached(STRONGEST)
            limit = f"{strongest:.2f} dB" if math.isfinite(strongest) else "no change"
            raise UsageError(
                f"--psnr {psnr_db:g}: noise on this picture reaches {limit} at the most: ask for a "
                "higher PSNR"
            )
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        decibels = reached(middle)
        if abs(decibels - psnr_db) < CLOSE:
            return middle
        low, high = (middle, high) if decibels > psnr_db else (low, middle)
    return high
