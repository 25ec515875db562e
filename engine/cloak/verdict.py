"""The verdict on a cloaked file: read again, found again, aligned again, by two recognisers.

Nothing the search believes counts. The PNG's bytes are decoded, a real codec makes the versions
that a cloak may have to survive, dlib finds and aligns the face in each, and both dlib's own
recogniser and the PyTorch port must find the goal reached.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..faces.finder import Face, FaceFinder
from ..faces.gallery import Goal
from ..images.picture import decode, resize

PNG = ("png",)
LASTING = ("png", "jpeg75", "half", "half+jpeg80")


@dataclass(frozen=True)
class Look:
    """One version of a file, and what the port says of it.

    pixels: uint8 H×W×3. found: whether the detector found the face again; where not, the place of
    the original is used, for not being found is no protection. port: our descriptor, float32 128.
    """

    version: str
    pixels: np.ndarray
    face: Face
    found: bool
    port: np.ndarray


@dataclass(frozen=True)
class Seen:
    """A `Look` with dlib's own descriptor beside the port's, float32 128 both."""

    version: str
    face: Face
    found: bool
    descriptor: np.ndarray
    port: np.ndarray


@dataclass(frozen=True)
class Verdict:
    """reached: the goal is, in every version and by both recognisers; agree: they say the same.

    distance: to what is enrolled, dlib's, the least favourable version's; distances: each
    version's; seen: the versions.
    """

    reached: bool
    agree: bool
    distance: float
    distances: dict[str, float]
    seen: tuple[Seen, ...]


def reencode(pixels: np.ndarray, quality: int) -> np.ndarray:
    """uint8 H×W×3 through a real JPEG codec (4:2:0)."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return decode(stream.getvalue()).pixels


def smaller(pixels: np.ndarray) -> np.ndarray:
    """Half size, by Lanczos: another filter than the search uses."""
    return resize(pixels, max(1, pixels.shape[1] // 2), max(1, pixels.shape[0] // 2))


def version(name: str, pixels: np.ndarray) -> np.ndarray:
    """One of `LASTING` of uint8 H×W×3."""
    if name == "png":
        return pixels
    if name == "jpeg75":
        return reencode(pixels, 75)
    return smaller(pixels) if name == "half" else reencode(smaller(pixels), 80)


def find_again(
    finder: FaceFinder, pixels: np.ndarray, face: Face, scale: float
) -> tuple[Face, bool]:
    """The face of the original, scaled, in a version of it -> (`Face`, whether it was found)."""
    return finder.find_again(pixels, tuple(scale * value for value in face.box), face.turn)


def look(
    finder: FaceFinder, recogniser, png: bytes, face: Face, versions: tuple[str, ...] = PNG
) -> list[Look]:
    """The bytes of a PNG and the face in the original -> its versions, as the port sees them.

    recogniser: `engine.networks.recogniser.Recogniser`.
    """
    pixels, looks = decode(png).pixels, []
    for name in versions:
        changed = np.ascontiguousarray(version(name, pixels))
        again, found = find_again(finder, changed, face, changed.shape[1] / pixels.shape[1])
        chip = finder.chip(changed, again)
        looks.append(Look(name, changed, again, found, recogniser.describe(chip[None])[0]))
    return looks


def confirm(finder: FaceFinder, looks: list[Look], goal: Goal) -> Verdict:
    """dlib's own opinion on what the port has seen. The slower of the two."""
    seen = tuple(
        Seen(
            each.version, each.face, each.found, finder.describe(each.pixels, each.face), each.port
        )
        for each in looks
    )
    theirs = [goal.reached(each.descriptor) for each in seen]
    ours = [goal.reached(each.port) for each in seen]
    distances = {each.version: goal.distance(each.descriptor) for each in seen}
    hardest = max if goal.targeted else min
    return Verdict(
        reached=all(theirs) and all(ours),
        agree=theirs == ours,
        distance=hardest(distances.values()),
        distances=distances,
        seen=seen,
    )


def judge(
    finder: FaceFinder,
    recogniser,
    png: bytes,
    face: Face,
    goal: Goal,
    versions: tuple[str, ...] = PNG,
) -> Verdict:
    """The bytes of a PNG, the face in the original, the goal -> `Verdict`."""
    return confirm(finder, look(finder, recogniser, png, face, versions), goal)
