"""The figures that show photos: drawn where the photos are, by the evaluation.

Six pairs, the photo and its verified machine JND, numbered so that a caption can name who took
each; and one photo as `python -m engine machine` draws it, for the front page.
"""

from __future__ import annotations

import io
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.errors import EngineError
from engine.images.figure import INK, PAPER, QUIET
from engine.machine.figure import draw_figure
from engine.machine.result import MachineResult
from engine.metrics.decibels import decibels, finite
from engine.system.files import write_bytes

from ...data.photographs import Photograph
from .subject import Subject

PAIRS, FIRST = "machine_photos.jpg", "machine_photo.jpg"  # in the folder of figures
# Names of the photos to show, in this order, the first on the front page; where the data lacks
# them, or none are given, the rule of `numbers` chooses.
SHOWN: tuple[str, ...] = (
    "0d85e0103989c850",
    "01244097ca8ffdfa",
    "55e85d7b58024966",
    "3c970c84b598f2d9",
    "0e0f1fd2ed183781",
    "212476b1b58a0cfe",
)
COUNT = 6
COLUMNS = 2  # pairs in a row
TILE, GAP, LINE = 232, 12, 18  # pixels
LARGEST = 120_000  # bytes of a figure
QUALITIES = range(92, 28, -4)


def draw(subject: Subject, folder: Path) -> list[dict]:
    """Both figures -> what a caption needs of each photo, in the order in which they are shown."""
    results = [
        (subject.photos.photos[number], result)
        for number in numbers(subject)
        if (result := made(subject, number)) is not None
    ]
    if not results:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / PAIRS, jpeg(pairs(results)))
    photo, first = results[0]
    write_bytes(folder / FIRST, jpeg(draw_figure(first, credit(photo) or photo.name)))
    return [described(photo, result) for photo, result in results]


def numbers(subject: Subject) -> list[int]:
    """Of SHOWN the photos that there are; else the first of every sixth on which all agree.

    All members agree on its label, the true one where it is known.
    """
    photos = subject.photos.photos
    places = {photo.name: number for number, photo in enumerate(photos)}
    if named := [places[name] for name in SHOWN if name in places]:
        return named[:COUNT]
    edges = np.linspace(0, len(photos), min(COUNT, len(photos)) + 1).astype(int)
    sixths = [range(*ends) for ends in pairwise(edges)]
    return [next((n for n in sixth if agreed(subject, n)), sixth[0]) for sixth in sixths]


def agreed(subject: Subject, number: int) -> bool:
    photo = subject.photos.photos[number]
    labels = set(subject.machine.labels_of(photo.pixels[None])[0].tolist())
    return len(labels) == 1 and photo.label in (None, *labels)


def made(subject: Subject, number: int) -> MachineResult | None:
    """The verified machine JND of a photo; None where the engine gives up."""
    try:
        return subject.machine(subject.photos.photos[number].pixels)
    except EngineError:
        return None


def described(photo: Photograph, result: MachineResult) -> dict:
    return {
        "name": photo.name,
        "author": photo.author,
        "url": photo.url,
        "licence": photo.licence,
        "psnr_db": finite(result.psnr_db),
        "verified": result.verified,
        "labels": [label.to_dict() for label in result.labels],
    }


def credit(photo: Photograph) -> str:
    """Who took a photo, and its licence, as far as they are known."""
    return ", ".join(part for part in (photo.author, photo.licence) if part)


def answer(result: MachineResult) -> str:
    """What the panel predicts, before and after where that is not the same."""
    before, after = (
        listed([getattr(label, when) for label in result.labels]) for when in ("before", "after")
    )
    return before if before == after else f"{before} → {after}"


def listed(labels: list[str]) -> str:
    """`cat` where all say so, else `cat (2), tiger (1)`."""
    counts = Counter(labels)
    if len(counts) == 1:
        return labels[0]
    return ", ".join(f"{label} ({count})" for label, count in counts.most_common())


def pairs(results: list[tuple[Photograph, MachineResult]]) -> np.ndarray:
    """Photos beside their distorted versions, numbered from 1 -> uint8 H×W×3."""
    wide, high = 2 * TILE + GAP, TILE + 2 * LINE + GAP
    rows = -(-len(results) // COLUMNS)
    columns = min(COLUMNS, len(results))
    canvas = Image.new(
        "RGB", (GAP + columns * (wide + 2 * GAP) - GAP, GAP + rows * (high + GAP)), PAPER
    )
    pen = ImageDraw.Draw(canvas)
    bold, font = ImageFont.load_default(14), ImageFont.load_default(13)
    for index, (_, result) in enumerate(results):
        row, column = divmod(index, COLUMNS)
        left, top = GAP + column * (wide + 2 * GAP), GAP + row * (high + GAP)
        for place, pixels in enumerate((result.original, result.distorted)):
            tile = fitted(pixels)
            inset = (TILE - tile.width) // 2, (TILE - tile.height) // 2
            canvas.paste(tile, (left + place * (TILE + GAP) + inset[0], top + inset[1]))
        lines = (
            (f"({index + 1}) {answer(result)}", INK, bold),
            (f"right: {measured(result)}", QUIET, font),
        )
        for line, (text, colour, face) in enumerate(lines):
            cut = text if pen.textlength(text, face) <= wide else shortened(text, pen, face, wide)
            pen.text((left, top + TILE + 2 + line * LINE), cut, colour, face)
    return np.asarray(canvas)


def measured(result: MachineResult) -> str:
    """How strong the distortion is, and what it does to the panel."""
    labels = result.labels
    before = np.mean([label.confidence_before for label in labels])
    after = np.mean([label.confidence_after for label in labels])
    kept = f"{sum(label.same for label in labels)} of {len(labels)} labels kept"
    return f"{decibels(result.psnr_db)} · {kept} · mean confidence {before:.0%}, then {after:.0%}"


def shortened(text: str, pen: ImageDraw.ImageDraw, face: ImageFont.FreeTypeFont, wide: int) -> str:
    """A text cut to a width in pixels, with dots."""
    while text and pen.textlength(f"{text}…", face) > wide:
        text = text[:-1]
    return f"{text}…"


def fitted(pixels: np.ndarray) -> Image.Image:
    """uint8 H×W×3 -> at most TILE pixels a side, its aspect kept."""
    picture = Image.fromarray(pixels)
    scale = TILE / max(picture.size)
    size = tuple(max(1, round(scale * side)) for side in picture.size)
    return picture.resize(size, Image.Resampling.LANCZOS)


def jpeg(pixels: np.ndarray) -> bytes:
    """A figure as JPEG of the best quality that is at most LARGEST bytes, else of the least."""
    data = b""
    for quality in QUALITIES:
        stream = io.BytesIO()
        Image.fromarray(pixels).save(
            stream, "JPEG", quality=quality, subsampling="4:2:0", optimize=True
        )
        data = stream.getvalue()
        if len(data) <= LARGEST:
            break
    return data
