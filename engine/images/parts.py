"""Parts of a photo: (left, top, right, bottom) in pixels, right and bottom exclusive."""

from __future__ import annotations

import numpy as np

Box = tuple[int, int, int, int]
BORDER = 4  # pixels around the chips


def holds(outer: Box, inner: Box) -> bool:
    """Whether one part lies in the other."""
    starts = outer[0] <= inner[0] and outer[1] <= inner[1]
    return starts and outer[2] >= inner[2] and outer[3] >= inner[3]


def grown(box: Box, margin: int, width: int, height: int) -> Box:
    """The part and a margin around it, as far as the photo reaches."""
    left, top, right, bottom = box
    return (
        max(0, left - margin),
        max(0, top - margin),
        min(width, right + margin),
        min(height, bottom + margin),
    )


def around(box: Box, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of a face's box and half its shorter side around it."""
    half = min(box[2] - box[0], box[3] - box[1]) // 2
    left, top, right, bottom = grown(box, half, width, height)
    return slice(top, bottom), slice(left, right)


def cut_out(photo: np.ndarray, part: Box) -> np.ndarray:
    """A part of a photo H×W×C as an array of its own; the photo itself where it is all of it."""
    left, top, right, bottom = part
    whole = (right - left, bottom - top) == photo.shape[1::-1]
    return photo if whole else np.ascontiguousarray(photo[top:bottom, left:right])


def put_back(photo: np.ndarray, part: Box, pixels: np.ndarray) -> np.ndarray:
    """A photo, as a new array, with other pixels in a part."""
    left, top, right, bottom = part
    changed = photo.copy()
    changed[top:bottom, left:right] = pixels
    return changed


def region(boxes: list[Box], width: int, height: int, grid: int) -> Box:
    """The part of a photo that holds all boxes, its left and top on the grid."""
    left = max(0, min(box[0] for box in boxes) - BORDER) // grid * grid
    top = max(0, min(box[1] for box in boxes) - BORDER) // grid * grid
    right = -(-(max(box[2] for box in boxes) + BORDER) // grid) * grid
    bottom = -(-(max(box[3] for box in boxes) + BORDER) // grid) * grid
    return left, top, min(right, width), min(bottom, height)


def equally_large(boxes: list[Box], width: int, height: int, grid: int) -> list[Box]:
    """Boxes grown to the size of the largest, on the grid; the whole photo where one cannot be."""
    if len(boxes) == 1:
        return boxes
    wide = max(box[2] - box[0] for box in boxes)
    high = max(box[3] - box[1] for box in boxes)
    large = []
    for box in boxes:
        left = min(box[0], (width - wide) // grid * grid)
        top = min(box[1], (height - high) // grid * grid)
        large.append((left, top, left + wide, top + high))
    if all(holds(new, old) for new, old in zip(large, boxes, strict=True)):
        return large
    return [(0, 0, width, height)] * len(boxes)
