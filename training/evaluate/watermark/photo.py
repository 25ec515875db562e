"""What is measured of one photo in one row: how far it is changed, and after which changes read."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from engine.errors import EngineError
from engine.images.picture import Picture
from engine.metrics.decibels import finite
from engine.metrics.perceptual import measure
from engine.metrics.quality import psnr_8bit, ssim
from engine.watermark.changes import CHANGES
from engine.watermark.fitting import Fitting
from engine.watermark.photo import Watermark, says
from engine.watermark.photo import steps as marking
from engine.watermark.reader import steps as reading
from engine.watermark.signal.key import key_of
from engine.watermark.signal.message import Payload
from engine.watermark.threshold import human_threshold

from ..machine_quality.photo import Machines
from .libraries import LIBRARIES
from .plan import KEY, OURS, SEED, WRONG, Row

HALVINGS = 8  # of a strength, by which a PSNR is come near
NEAR = 0.5  # dB from it at most, else the photo does not count
BETWEEN = (0.02, 4.0)  # a library's strength, times its own
OF_THRESHOLD = (0.005, 1.0)  # ours

Mark = Callable[[float], np.ndarray]  # strength -> marked pixels


def payload_of(row: Row, number: int) -> Payload:
    """The payload of a photo: bytes drawn for its number."""
    return Payload(np.random.default_rng((SEED, number)).bytes(row.bits // 8), False)


def at_psnr(pixels: np.ndarray, mark: Mark, wanted: float, between: tuple) -> tuple | None:
    """(marked, strength) whose PSNR is the nearest by bisection; None where that is not `NEAR`."""
    low, high = np.log(between)
    tried = []
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        marked = mark(float(np.exp(middle)))
        reached = psnr_8bit(pixels, marked)
        tried.append((abs(reached - wanted), float(np.exp(middle)), marked))
        low, high = (low, middle) if reached < wanted else (middle, high)
    off, strength, marked = min(tried, key=lambda each: each[0])
    return (marked, strength) if off <= NEAR else None


def measured(
    asked: Machines, pixels: np.ndarray, row: Row, number: int, wanted: float | None
) -> dict:
    """A photo uint8 H×W×3, the number-th of its set; wanted: the PSNR that it is to have.

    marked: whether there is a file at all; read: change -> whether the payload is read exactly;
    wrong: whether anything is read under another key; own, unseen: whether each machine keeps its
    label. Where it is not marked, error says why.
    """
    started = time.monotonic()
    payload = payload_of(row, number)
    if row.method == OURS:
        found = ours(asked, pixels, row, payload, wanted)
    else:
        found = library(pixels, row, payload, wanted)
    if isinstance(found, str):
        return {"marked": False, "error": found, "size": list(pixels.shape[1::-1])}
    marked, strength, read = found
    seconds = time.monotonic() - started
    before, after = (np.concatenate(padded(*asked.logits(each))) for each in (pixels, marked))
    same = (before.argmax(1) == after.argmax(1)).tolist()
    members = len(asked.panel.classifiers)
    jod = measure(pixels, marked, ("jod",))[0]["jod"] if number < row.jod else None
    result = {
        "marked": True,
        "size": list(pixels.shape[1::-1]),
        "strength": strength,
        "seconds": round(seconds, 3),
        "psnr_db": finite(psnr_8bit(pixels, marked), 4),
        "ssim": ssim(pixels, marked),
        "jod": jod,
        "own": same[:members],
        "unseen": same[members:],
        "read": {name: read(change(marked)) for name, (change, _) in CHANGES.items()},
    }
    if row.method == OURS:
        *_, other = reading(marked, key_of(WRONG))
        result["wrong"] = other.found
    return result


def padded(own: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return own, others.reshape(-1, own.shape[1])


def ours(
    asked: Machines, pixels: np.ndarray, row: Row, payload: Payload, wanted: float | None
) -> tuple | str:
    """(marked, strength, reader), or why there is none."""
    key = key_of(KEY)

    def read(changed: np.ndarray) -> bool:
        *_, found = reading(changed, key)
        return says(found, payload)

    if wanted is not None:
        fitting = Fitting(pixels, human_threshold(pixels, device="cpu"), payload, key, lambda x: x)
        near = at_psnr(pixels, fitting.marked, wanted, OF_THRESHOLD)
        return (*near, read) if near else f"no strength gives {wanted:.2f} dB"
    chosen = Watermark(payload, KEY, row.observer)
    panel = asked.panel if row.observer == "machine" else None
    try:
        *_, result = marking(Picture(pixels), chosen, panel, device="cpu")
    except EngineError as error:
        return str(error)
    return result.pixels, result.strength, read


def library(pixels: np.ndarray, row: Row, payload: Payload, wanted: float | None) -> tuple | str:
    """The same of a library."""
    own = LIBRARIES[row.method]
    bits = np.unpackbits(np.frombuffer(payload.data, np.uint8)).astype(bool)

    def mark(strength: float) -> np.ndarray:
        return own.embed(pixels, bits, strength)

    if wanted is None:
        marked, strength = mark(1.0), 1.0
    else:
        near = at_psnr(pixels, mark, wanted, BETWEEN)
        if near is None:
            return f"no strength gives {wanted:.2f} dB"
        marked, strength = near

    def read(changed: np.ndarray) -> bool:
        try:
            return bool((own.read(changed, len(bits), strength) == bits).all())
        except (AssertionError, ValueError, IndexError):  # of a picture of another size
            return False

    return marked, strength, read
