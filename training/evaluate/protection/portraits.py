"""Large portraits, of each one photo: what the protected one is compared with is the photo itself,
as it may be about elsewhere.

Three of the portraits served when the eye's thresholds of colour were chosen (`LOOKED_AT`), and are
not reported.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.cloak.protect.search import Settings
from engine.cloak.protect.visibility import Visibility
from engine.faces.finder import FaceFinder, whole
from engine.images.saved import reencoded

from ...data.photographs import load_photographs
from .people import Person
from .plan import Row, linf, protection

LOOKED_AT = ("001.jpg", "005.jpg", "009.jpg")
JODS = (9.6, 9.3)
EPSILON = 8


def lit(pixels: np.ndarray, gamma: float) -> np.ndarray:
    """uint8 H×W×3 in another light."""
    return (255 * (pixels / 255) ** gamma).round().astype(np.uint8)


def cropped(pixels: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 without a border of a twentieth of its sides."""
    height, width = pixels.shape[0] // 20, pixels.shape[1] // 20
    return pixels[height:-height, width:-width]


ELSEWHERE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cropped": cropped,
    "JPEG 60": lambda pixels: reencoded(pixels, "JPEG", 60),
    "darker": lambda pixels: lit(pixels, 1.4),
    "brighter": lambda pixels: lit(pixels, 0.7),
}


def portraits(folder: Path, finder: FaceFinder, count: int | None = None) -> list[Person]:
    """Those with one sure face that lies in the photo, and is found in all of `ELSEWHERE`."""
    found = []
    for photo in load_photographs(folder).photos:
        if photo.name in LOOKED_AT:
            continue
        versions = [photo.pixels, *(make(photo.pixels) for make in ELSEWHERE.values())]
        faces = [best(finder, np.ascontiguousarray(each)) for each in versions]
        if any(face is None for face in faces):
            continue
        own, *others = zip(versions, faces, strict=True)
        found.append(Person(photo.name, *own, gallery=(), probes=tuple(others)))
        if len(found) == count:
            break
    return found


def best(finder: FaceFinder, pixels: np.ndarray):
    """The one sure face that lies in the photo, or None."""
    faces = [face for face in finder.find(pixels) if face.sure]
    if len(faces) != 1 or not whole(faces[0], *pixels.shape[1::-1]):
        return None
    return faces[0]


def rows() -> list[Row]:
    return [
        Row("clean", lambda cloak, person: person.pixels, {}),
        linf(f"L∞ {EPSILON}", EPSILON, transfer=False),
        linf(f"TI-MI-DI {EPSILON}", EPSILON, transfer=True),
        protection("protect", Visibility(), Settings()),
        *(
            protection(f"protect, JOD {each:g}", Visibility(None, each), Settings())
            for each in JODS
        ),
    ]
