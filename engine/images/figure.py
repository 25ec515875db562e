"""What figures of several pictures side by side are drawn with."""

from __future__ import annotations

import numpy as np
from PIL import Image

MARGIN = 16  # pixels around pictures and text
LINE = 22  # pixels of a line of text
INK, QUIET, PAPER = (24, 24, 27), (100, 100, 110), (255, 255, 255)


def shown(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 H×W×3 at (width, height): enlarged without smoothing, or shrunk."""
    picture = Image.fromarray(pixels)
    if max(picture.size) <= max(size):
        return np.asarray(picture.resize(size, Image.Resampling.NEAREST))
    # Large ones by whole factors first: a figure need not be exact to the last bit.
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
