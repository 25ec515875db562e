"""Quarter turns of a photo, and where its points and boxes were before.

A turn is a number of quarter turns counter-clockwise, 0…3, as NumPy's `rot90` counts them.
"""

from __future__ import annotations

import numpy as np

from ..images.parts import Box

WORDS = {1: "90° counter-clockwise", 2: "180°", 3: "90° clockwise"}


def turned(pixels: np.ndarray, turn: int) -> np.ndarray:
    """uint8 H×W×3 turned; the same array where there is no turn."""
    return np.ascontiguousarray(np.rot90(pixels, turn)) if turn else pixels


def points_before(points: np.ndarray, turn: int, width: int, height: int) -> np.ndarray:
    """(x, y) of pixels' centres, n×2, in the turned photo -> in the photo of width×height."""
    x, y = points[:, 0], points[:, 1]
    places = ((x, y), (width - 1 - y, x), (width - 1 - x, height - 1 - y), (y, height - 1 - x))
    return np.column_stack(places[turn])


def box_before(box: Box, turn: int, width: int, height: int) -> Box:
    """(left, top, right, bottom), exclusive, in the turned photo -> in the photo."""
    left, top, right, bottom = box
    return (
        box,
        (width - bottom, left, width - top, right),
        (width - right, height - bottom, width - left, height - top),
        (top, height - right, bottom, height - left),
    )[turn]


def box_after(box: Box, turn: int, width: int, height: int) -> Box:
    """(left, top, right, bottom), exclusive, in a photo of width×height -> in the turned one."""
    size = (height, width) if turn % 2 else (width, height)
    return box_before(box, -turn % 4, *size)
