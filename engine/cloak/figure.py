"""A cloak as one picture: each face as it was, cloaked, and the difference between the two."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..images.figure import INK, LINE, MARGIN, PAPER, QUIET, shown
from ..metrics.decibels import decibels
from ..metrics.quality import psnr_8bit
from .result import CloakedPhoto

LARGEST = 480  # pixels a side of a face in the figure: up to there it is shown pixel by pixel
AROUND = 0.25  # of a face's side that is shown around it
TIMES = 16  # the difference is drawn so many times as large


def part_of(box: tuple[int, int, int, int], width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of a face (left, top, right, bottom) and what is around it."""
    left, top, right, bottom = box
    more = round(AROUND * max(right - left, bottom - top))
    rows = slice(max(0, top - more), min(height, bottom + more))
    return rows, slice(max(0, left - more), min(width, right + more))


def difference(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 each -> uint8: the change, `TIMES` as large, around grey."""
    change = after.astype(np.int16) - before
    return np.clip(128 + TIMES * change, 0, 255).astype(np.uint8)


def draw_figure(result: CloakedPhoto, title: str) -> np.ndarray:
    """A row for each face that was chosen -> uint8 H×W×3. title: the name of the photo.

    Faces up to `LARGEST` pixels are shown at their own size, larger ones shrunk: look at those in
    the file itself.
    """
    width, height = result.size
    rows = []
    for face in result.faces:
        place = part_of(face.box, width, height)
        before, after = result.original[place], result.pixels[place]
        shrunk = min(1.0, LARGEST / max(before.shape[:2]))
        size = round(shrunk * before.shape[1]), round(shrunk * before.shape[0])
        scale = "" if shrunk == 1 else f", at {shrunk:.0%} of its size"
        pictures = (
            (f"face {face.number}{scale}", before),
            (f"cloaked, {decibels(psnr_8bit(before, after))} here", after),
            (f"{TIMES} times the difference", difference(before, after)),
        )
        rows.append([(text, shown(pixels, size)) for text, pixels in pictures])
    wide = max(max(pixels.shape[1], 220) for row in rows for _, pixels in row)
    tall = [max(pixels.shape[0] for _, pixels in row) + LINE + MARGIN for row in rows]
    canvas = Image.new("RGB", (MARGIN + 3 * (wide + MARGIN), 2 * MARGIN + LINE + sum(tall)), PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((MARGIN, MARGIN - 4), title, INK, ImageFont.load_default(17))
    font, top = ImageFont.load_default(14), MARGIN + LINE + 4
    for row, space in zip(rows, tall, strict=True):
        for column, (text, pixels) in enumerate(row):
            left = MARGIN + column * (wide + MARGIN)
            canvas.paste(Image.fromarray(pixels), (left, top))
            draw.text((left, top + pixels.shape[0] + 4), text, QUIET, font)
        top += space
    return np.asarray(canvas)
