"""Large pictures in pieces: each is worked on with a margin, and only its core is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def in_tiles(
    pixels: np.ndarray,
    function: Callable[[np.ndarray], np.ndarray],
    *,
    tile: int,
    margin: int,
) -> np.ndarray:
    """Apply function (uint8 h×w×3 -> float32 h×w×3) to tiles of a picture uint8 H×W×3.

    tile: pixels of a core, both ways; margin: pixels around it that the function sees. Where the
    function's result at a pixel depends on pixels up to `margin` away, the seams are exact. The
    border of the picture is the function's own: a margin never reaches over it.
    """
    height, width = pixels.shape[:2]
    result = np.empty((height, width, 3), np.float32)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            first, start = max(top - margin, 0), max(left - margin, 0)
            piece = function(pixels[first : bottom + margin, start : right + margin])
            result[top:bottom, left:right] = piece[
                top - first : bottom - first, left - start : right - start
            ]
    return result
