"""A machine JND as one picture: original, CAM, JND map and distorted picture side by side."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..images.figure import INK, LINE, MARGIN, PAPER, QUIET, shown
from ..images.picture import resized
from ..models.registry import PANELS
from ..panels.naming import BASIS
from .result import MachineResult

TILE = 256  # pixels of one picture in the figure


def heat(values: np.ndarray) -> np.ndarray:
    """float H×W in 0…1 -> uint8 H×W×3: black, red, yellow, white."""
    ramp = np.stack([3 * values, 3 * values - 1, 3 * values - 2], 2)
    return np.rint(np.clip(ramp, 0, 1) * 255).astype(np.uint8)


def draw_figure(result: MachineResult, title: str) -> np.ndarray:
    """Original, merged CAM (eq. 2), JND map and distorted picture side by side -> uint8 H×W×3.

    The pictures are enlarged without smoothing, or shrunk, to TILE pixels on the longer side;
    below them are the labels of each classifier before and after. title: the name of the picture.
    """
    height, width = result.cam.shape
    scale = TILE / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    cam = heat(resized(result.cam, *size).clip(0, 1) if scale < 1 else result.cam)
    looking = "the panel" if result.panel in PANELS else f"the panel {BASIS}"
    tiles = (
        ("original", shown(result.original, size)),
        (f"where {looking} looks (CAM)", shown(cam, size)),
        ("JND map (grey: no change)", shown(result.jnd_map, size)),
        ("distorted, same answers", shown(result.distorted, size)),
    )
    width = MARGIN + len(tiles) * (TILE + MARGIN)
    height = MARGIN + 2 * LINE + TILE + LINE + (len(result.labels) + 1) * LINE + MARGIN
    canvas = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(canvas)
    bold, font = ImageFont.load_default(17), ImageFont.load_default(14)
    draw.text((MARGIN, MARGIN - 4), title, INK, bold)
    draw.text((MARGIN, MARGIN + LINE - 4), result.summary, QUIET, font)
    top = MARGIN + 2 * LINE
    for column, (caption, pixels) in enumerate(tiles):
        left = MARGIN + column * (TILE + MARGIN)
        inset = (TILE - size[0]) // 2, (TILE - size[1]) // 2
        canvas.paste(Image.fromarray(pixels), (left + inset[0], top + inset[1]))
        draw.text((left, top + TILE + 4), caption, QUIET, font)
    top += TILE + LINE + 12
    for row, label in enumerate(result.labels):
        line = (
            f"{label.classifier}: {label.before} ({label.confidence_before:.0%}) "
            f"before, {label.after} ({label.confidence_after:.0%}) after"
        )
        draw.text((MARGIN, top + row * LINE), line, INK, font)
    return np.asarray(canvas)
