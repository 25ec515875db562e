"""Quantisation tables: the standard's examples, scaled by a quality, and the zigzag order."""

from __future__ import annotations

import numpy as np

# ITU-T T.81, tables K.1 (luminance) and K.2 (chrominance).
LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
CHROMINANCE = np.full((8, 8), 99)
CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

# ZIGZAG[k]: the row-major place of the k-th coefficient of a block.
ZIGZAG = np.array(
    sorted(
        range(64),
        key=lambda at: (at // 8 + at % 8, at // 8 if (at // 8 + at % 8) % 2 else at % 8),
    )
)


def scaled(table: np.ndarray, quality: float) -> np.ndarray:
    """A table of the standard at a quality 1…100, by libjpeg's rule: int 8×8 in 1…255."""
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip((table * percent + 50) // 100, 1, 255).astype(int)


def flattened(table: np.ndarray, flatness: float) -> np.ndarray:
    """A table whose steps come nearer to its first: 0 leaves it, 1 makes all steps equal."""
    return table[0, 0] * (table / table[0, 0]) ** (1 - flatness)
