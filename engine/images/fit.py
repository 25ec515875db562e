"""Pictures made no larger than a number of pixels."""

from __future__ import annotations

from .picture import Picture, resize


def fitted(picture: Picture, max_pixels: int) -> Picture:
    """The picture itself, or, where it has more pixels, shrunk to max_pixels at the most.

    The shape is kept, but for rounding; a note has the sizes before and after.
    """
    width, height = picture.size
    if width * height <= max_pixels:
        return picture
    scale = (max_pixels / (width * height)) ** 0.5
    size = max(1, int(scale * width)), max(1, int(scale * height))
    note = f"shrunk from {width}×{height} to {size[0]}×{size[1]}"
    return Picture(resize(picture.pixels, *size), (*picture.notes, note))
