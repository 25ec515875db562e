"""Whether an answer is its visitor's own: it is, to the pixel, what the engine gives for the photo.

The same file gives the same pixels in every process, so that the answer to a photo can be computed
again, in this one; and no two visitors have the same photo.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from engine.human.result import measure
from engine.images.picture import Picture
from engine.machine.jnd import load
from engine.machine.noise import noise_of_same_psnr

PANEL, HUMAN = "photos", "wu2017"


@dataclass(frozen=True)
class Answer:
    """What a visitor got. photo: which one it sent; data: bytes of the picture, or why none."""

    endpoint: str
    photo: int
    seconds: float
    data: bytes | str


def human_noise(photo: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 with noise at the threshold of the eye."""
    *_, result = measure(Picture(photo), HUMAN)
    return result.noisy


def machine_noise(photo: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 with white noise as strong as what the panel does not notice."""
    machine = load(panel=PANEL)
    return noise_of_same_psnr(machine, machine(Picture(photo))).pixels


EXPECTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "human_jnd": human_noise,
    "machine_jnd": machine_noise,
}


def others(answers: Iterable[Answer], photos: list[np.ndarray]) -> list[dict]:
    """Of the answers that are not their visitor's own: where from, and which photo they show."""
    known: dict[tuple[str, int], np.ndarray] = {}
    found = []
    for answer in answers:
        key = answer.endpoint, answer.photo
        if key not in known:
            known[key] = EXPECTED[answer.endpoint](photos[answer.photo])
        pixels = np.asarray(Image.open(io.BytesIO(answer.data)).convert("RGB"))
        if not np.array_equal(pixels, known[key]):
            found.append(
                {"endpoint": answer.endpoint, "photo": answer.photo, **nearest(pixels, photos)}
            )
    return found


def nearest(pixels: np.ndarray, photos: list[np.ndarray]) -> dict:
    """The photo that a picture correlates with most, None where none has its size.

    Noise of any strength leaves the own photo ahead: with another, the picture correlates as much
    less as the two photos do among themselves.
    """
    values = {
        index: float(np.corrcoef(pixels.ravel(), photo.ravel())[0, 1])
        for index, photo in enumerate(photos)
        if photo.shape == pixels.shape
    }
    shown = max(values, key=values.__getitem__, default=None)
    return {"shows": shown, "correlation": None if shown is None else round(values[shown], 4)}
