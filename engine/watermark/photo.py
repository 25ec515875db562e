"""One picture and a payload to the picture that carries it, verified on the decoded file."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..arguments import check_choice, check_flag, check_placement
from ..errors import ImageError
from ..images.picture import Picture, as_picture, decode, encode_png
from ..machine.jnd import candidates, panel_for
from ..metrics.perceptual import measure
from ..metrics.quality import psnr_8bit
from ..models import registry
from ..panels.embedded import Panel
from ..panels.naming import PanelSpec, Several, parse
from ..panels.own import OwnPanel, load_panel
from ..system.progress import Progress
from .changes import CHANGES, applicable
from .fitting import STRENGTHS, Fitting
from .labels import Labels
from .names import FORMATS, OBSERVERS, OPEN_KEY
from .reader import Reading
from .reader import steps as reading_steps
from .result import WatermarkedPhoto
from .signal.key import key_of
from .signal.message import Payload, payload_of
from .threshold import human_threshold, machine_threshold

SHORTEST = 128  # pixels of a side: half a tile
QUALITY = 95  # of a JPEG or WebP
FITTED, SURVIVED = 0.2, 0.7  # shares of the work done when these parts begin


@dataclass(frozen=True)
class Watermark:
    """How a picture is to be marked: see `embed_watermark`."""

    payload: Payload
    key: str = OPEN_KEY
    observer: str = "human"
    model: str = registry.HUMAN_DEFAULT
    format: str = "png"
    metrics: bool = False

    def check(self) -> None:
        """Raise UsageError for what makes no sense."""
        key_of(self.key)
        check_choice("observer", self.observer, OBSERVERS)
        check_choice("model", self.model, registry.HUMAN_NAMES)
        check_choice("format", self.format, FORMATS)
        check_flag("metrics", self.metrics)


def encoded(pixels: np.ndarray, format: str) -> bytes:
    """uint8 H×W×3 -> a file without metadata. Raises ImageError where the format is too small."""
    if format == "png":
        return encode_png(pixels)
    stream = io.BytesIO()
    how = {"subsampling": 0} if format == "jpeg" else {"method": 4}
    try:
        Image.fromarray(pixels).save(stream, format.upper(), quality=QUALITY, **how)
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{format} does not hold {pixels.shape[1]}×{pixels.shape[0]} pixels ({error}): choose "
            "--format png"
        ) from None
    return stream.getvalue()


def steps(
    picture: Picture,
    chosen: Watermark,
    panel: Panel | OwnPanel | None = None,
    *,
    weights: str | None = None,
    device: str = "auto",
) -> Iterator[Progress | WatermarkedPhoto]:
    """The steps of marking a picture, the result last. Raises ImageError, UsageError.

    panel: of the observer machine, loaded.
    """
    chosen.check()
    started = time.monotonic()
    if min(picture.size) < SHORTEST:
        raise ImageError(
            f"the picture is {picture.size[0]}×{picture.size[1]}: a watermark needs {SHORTEST} "
            "pixels a side"
        )
    yield Progress("computing the threshold of every pixel", 0)
    if panel is None:
        threshold = human_threshold(picture.pixels, chosen.model, weights=weights, device=device)
    else:
        threshold = machine_threshold(picture, panel)

    def written(pixels: np.ndarray) -> np.ndarray:
        if chosen.format == "png":
            return pixels  # lossless
        return decode(encoded(pixels, chosen.format)).pixels

    key = key_of(chosen.key)
    fitting = Fitting(picture.pixels, threshold, chosen.payload, key, written)
    kept = None if panel is None else Labels(panel, picture.pixels)
    if kept is None:
        strength = yield from scaled(fitting.least(chosen.observer))
        drawn = fitting.drawn(strength)
    else:
        strength, drawn = yield from scaled(fitting.keeping(chosen.observer, kept))
    data = encoded(drawn, chosen.format)
    pixels = decode(data, "the marked picture").pixels
    survived = {}
    for number, (name, (change, words)) in enumerate(CHANGES.items()):
        if not applicable(name, pixels):
            continue
        done = SURVIVED + (1 - SURVIVED) * number / len(CHANGES)
        yield Progress(f"reading it after {words}", done)
        *_, reading = reading_steps(change(pixels), key)
        survived[name] = says(reading, chosen.payload)
    *_, reading = reading_steps(pixels, key)
    if not says(reading, chosen.payload):
        raise ImageError(
            f"the payload of {chosen.payload.bits} bits is too long for this picture of "
            f"{picture.size[0]}×{picture.size[1]}, it cannot be read back: give a shorter one, or "
            "a larger picture"
        )
    notes = list(picture.notes)
    if strength >= STRENGTHS[chosen.observer][-1]:
        notes.append("the largest strength was taken: not all changes are survived in reserve")
    jod = None
    if chosen.metrics:
        values, missing = measure(picture.pixels, pixels, ("jod",))
        jod, notes = values["jod"], [*notes, *missing]
    yield WatermarkedPhoto(
        original=picture.pixels,
        pixels=pixels,
        data=data,
        format=chosen.format,
        suffix=FORMATS[chosen.format],
        payload=chosen.payload,
        reading=reading,
        observer=chosen.observer,
        strength=strength,
        survived=survived,
        psnr_db=psnr_8bit(picture.pixels, pixels),
        jod=jod,
        labels=() if kept is None else kept.changes(pixels),
        seconds=time.monotonic() - started,
        notes=tuple(notes),
    )


def scaled(work: Generator[Progress, None, object]) -> Generator[Progress, None, object]:
    """The steps of fitting, at their share of the whole work; returns what the work does."""
    while True:
        try:
            step = next(work)
        except StopIteration as ended:
            return ended.value
        yield replace(step, share=FITTED + (SURVIVED - FITTED) * step.share)


def says(reading: Reading, payload: Payload) -> bool:
    """Whether this was read."""
    return reading.payload == (payload.shown if payload.text else payload.data)


def panels_for(
    observer: str, panel: str | PanelSpec, weights: str | None = None
) -> tuple[str | PanelSpec, ...]:
    """The panels among which a picture's size decides; none for the observer human."""
    if observer != "machine":
        return ()
    return candidates(panel, registry.BEST, weights)


def embed_watermark(
    image: object,
    payload: str | bytes,
    *,
    key: str = OPEN_KEY,
    observer: str = "human",
    model: str = registry.HUMAN_DEFAULT,
    format: str = "png",
    metrics: bool = False,
    panel: Several = registry.AUTO,
    labels: Several | None = None,
    input_range: str | Sequence[str] | None = None,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
) -> WatermarkedPhoto:
    """A picture that carries a payload, which is read without the original; verified on the file.

    image: a path, a Pillow picture, or an array uint8 H×W×3 or H×W, sRGB 0…255, of 128 pixels a
    side or more. payload: a text or bytes, 1 to 32 bytes. key: a phrase, with which alone it can be
    read; without one, anybody's. observer: "human", the pattern is a small multiple of the eye's
    threshold, by this model of `engine.human`; or "machine", of the machine JND, every label of
    the panel kept, and eyes may see it. The multiple is the least at which the file survives what
    `engine.watermark.fitting.SURVIVED` lists. format: "png", or "jpeg" or "webp" at quality 95.
    metrics: the JOD is measured too (extra `evaluation`). panel, labels, input_range, of the
    observer machine, weights and device: as `engine.machine_jnd` takes them. Raises ImageError
    where the payload cannot be read back, UsageError, WeightsError, DeviceError, SetupError.
    """
    chosen = Watermark(payload_of(payload), key, observer, model, format, metrics)
    chosen.check()
    check_placement(weights, device)
    place = None if weights is None else str(weights)
    names = panels_for(observer, parse(panel, labels, input_range), place)
    picture = as_picture(image)
    own = load_panel(panel_for(picture.size, names), place, device) if names else None
    *_, result = steps(picture, chosen, own, weights=place, device=device)
    return result
