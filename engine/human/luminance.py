"""Luminance: Y Cb Cr of a picture, its local background, and what eyes overlook because of it.

Every filter reflects the picture at its border (edge pixels repeated once), so that a picture of
any size, down to 1×1, has thresholds up to its edge.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# ITU-R BT.601, full range, as in JFIF: luma of gamma-coded R, G, B.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
BLUE, RED = 1.772, 1.402  # B - Y = 1.772 Cb, R - Y = 1.402 Cr
WINDOW = (
    np.array(
        [
            [1, 1, 1, 1, 1],
            [1, 2, 2, 2, 1],
            [1, 2, 0, 2, 1],
            [1, 2, 2, 2, 1],
            [1, 1, 1, 1, 1],
        ],
        np.float32,
    )
    / 32
)


def luma(pixels: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 sRGB -> float32 H×W, Y in 0…255 (BT.601)."""
    return pixels.astype(np.float32) @ LUMA


def luma_and_chroma(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """uint8 H×W×3 sRGB -> float32 H×W each: Y in 0…255, Cb and Cr in -127.5…127.5."""
    y = luma(pixels)
    cb = (pixels[:, :, 2] - y) / np.float32(BLUE)
    cr = (pixels[:, :, 0] - y) / np.float32(RED)
    return y, cb, cr


def background(plane: np.ndarray) -> np.ndarray:
    """Mean of the 5×5 neighbourhood without the pixel itself, the inner ring twice as heavy.

    The operator B of Chou & Li 1995. float32 H×W -> float32 H×W in the same range.
    """
    return np.maximum(ndimage.correlate(plane, WINDOW, mode="reflect"), 0)


def luminance_adaptation(bg: np.ndarray) -> np.ndarray:
    """LA, the threshold in 8-bit levels on a background of 0…255: 20 at 0, 3 at 127, 6 at 255.

    Chou & Li 1995 (eq. 13 of Wu et al. 2017): 17(1-√(bg/127))+3 up to 127, 3/128·(bg-127)+3 above.
    """
    dark = 17 * (1 - np.sqrt(bg / np.float32(127))) + 3
    bright = np.float32(3 / 128) * (bg - 127) + 3
    return np.where(bg <= 127, dark, bright).astype(np.float32)
