"""The picture that people send each other: a face before and after, and what was changed."""

from __future__ import annotations

from math import ceil

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.cloak.figure import part_of
from engine.cloak.result import CloakedPhoto
from engine.images.difference import amplified
from engine.images.figure import INK, PAPER, QUIET, shown
from engine.images.picture import encode_png

from ..handlers.cloak import GAIN

LEAST, MOST = 376, 640  # pixels of the longer side of each of the three pictures
MARGIN, TOP, FOOT = 24, 96, 60
HIDDEN = "Can you see the difference? A face recogniser can."
SHOWN = "A face before and after a change"


def fitting(width: int, height: int) -> tuple[int, int]:
    """The size in which a part of a photo is shown: by a whole factor where it is enlarged."""
    side = max(width, height)
    scale = ceil(LEAST / side) if side <= MOST else MOST / side
    return max(1, round(scale * width)), max(1, round(scale * height))


def picture_to_share(result: CloakedPhoto) -> bytes:
    """Before, after and difference of the first face as one PNG, under no name of a file.

    A small face is enlarged by a whole factor, every pixel a square, so that nothing is smoothed; a
    large one is shrunk.
    """
    place = part_of(result.faces[0].box, *result.size)
    before, after = (np.ascontiguousarray(each[place]) for each in (result.original, result.pixels))
    hidden = result.success and not result.faces[0].targeted
    words = "hidden from a recogniser" if hidden else "after the change"
    pictures = (
        ("the photo", before),
        (words, after),
        (f"the change, {GAIN} times as large", amplified(before, after, GAIN)),
    )
    size = fitting(before.shape[1], before.shape[0])
    column = max(LEAST, size[0]) + MARGIN
    width, height = MARGIN + 3 * column, TOP + size[1] + FOOT
    canvas = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN, 24), HIDDEN if hidden else SHOWN, INK, ImageFont.load_default(38))
    for number, (text, pixels) in enumerate(pictures):
        left = MARGIN + number * column
        canvas.paste(Image.fromarray(shown(pixels, size)), (left, TOP))
        pen.text((left, TOP + size[1] + 12), text, QUIET, ImageFont.load_default(24))
    return encode_png(np.asarray(canvas))
