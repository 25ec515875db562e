"""A face protected at several visibilities, at its own size: what a JOD looks like on a face."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine import cloak_photo
from engine.errors import UsageError
from engine.images.figure import INK, LINE, MARGIN, PAPER
from engine.images.parts import around
from engine.images.picture import open_image
from engine.images.samples import sample_paths
from engine.system.files import write_bytes

from ...records.log import log

JODS = (9.8, 9.6, 9.4, 9.2, 9.0)
QUALITY = 95  # of the JPEG, which must not hide what is to be seen


def draw_protection(name: str, folder: Path) -> list[Path]:
    """The face of a sample picture at several JODs -> folder; nothing without cvvdp."""
    (source,) = (path for path in sample_paths() if path.name == name)
    try:
        pictures = protected(source)
    except UsageError as error:
        log(f"no figure of protection: {error}")
        return []
    path = folder / f"protection_{source.stem}.jpg"
    write_bytes(path, drawn(pictures))
    return [path]


def protected(source: Path) -> list[tuple[str, np.ndarray]]:
    """A photo's best face and what is around it: as it was, then for each of `JODS`.

    Raises UsageError without cvvdp.
    """
    original = open_image(source).pixels
    pictures = [("as it was", original)]
    for jod in JODS:
        result = cloak_photo(source, face=1, protect="unseen", jod=jod, format="png")
        pictures.append((f"JOD {jod:g}", result.pixels))
    near = around(result.faces[0].box, *original.shape[1::-1])
    return [(words, pixels[near]) for words, pixels in pictures]


def drawn(pictures: list[tuple[str, np.ndarray]]) -> bytes:
    """Pictures uint8 h×w×3 of one size in two rows, at their size, words above each: a JPEG."""
    height, width = pictures[0][1].shape[:2]
    columns = -(-len(pictures) // 2)
    size = MARGIN + columns * (width + MARGIN), MARGIN + 2 * (height + LINE + MARGIN)
    canvas = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    for place, (words, pixels) in enumerate(pictures):
        row, column = divmod(place, columns)
        left = MARGIN + column * (width + MARGIN)
        top = MARGIN + row * (height + LINE + MARGIN)
        draw.text((left, top), words, INK, font)
        canvas.paste(Image.fromarray(pixels), (left, top + LINE))
    stream = io.BytesIO()
    canvas.save(stream, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    return stream.getvalue()
