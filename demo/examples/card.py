"""The picture that sites show beside a link to the page: a face before and after, the difference.

python -m demo.examples.card card.png        # to look at it
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.cloak.figure import part_of
from engine.images.difference import amplified
from engine.images.figure import INK, PAPER, QUIET
from engine.images.picture import encode_png

from ..handlers.cloak import GAIN
from . import cloak

SIZE = 1200, 630  # width and height that such pictures have
SIDE = 352  # pixels of each of the three
MARGIN = 48
TITLE = "Can you see the difference?"
LINE = "A face recogniser can: it no longer takes this for the same person."
FOOT = "Just Noticeable: what a picture can lose or hide before a machine, or a person, notices"


@cache
def draw() -> bytes:
    """The picture as a PNG."""
    result = cloak.load().cloak
    place = part_of(result.faces[0].box, *result.size)
    change = amplified(result.original, result.pixels, GAIN)
    pictures = (
        ("the photo", result.original[place]),
        ("the same, hidden", result.pixels[place]),
        (f"the change, {GAIN} times as large", change[place]),
    )
    canvas = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN, 32), TITLE, INK, ImageFont.load_default(52))
    pen.text((MARGIN, 98), LINE, QUIET, ImageFont.load_default(26))
    step = (SIZE[0] - 2 * MARGIN - SIDE) // 2
    for number, (words, pixels) in enumerate(pictures):
        left, top = MARGIN + number * step, 152
        face = Image.fromarray(np.ascontiguousarray(pixels))
        canvas.paste(face.resize((SIDE, SIDE), Image.Resampling.BICUBIC), (left, top))
        pen.text((left, top + SIDE + 10), words, INK, ImageFont.load_default(24))
    pen.text((MARGIN, SIZE[1] - 48), FOOT, QUIET, ImageFont.load_default(22))
    return encode_png(np.asarray(canvas))


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(draw())
