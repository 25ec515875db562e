"""The verdict on a cloaked file: read again, found again, aligned again, by two recognisers.

The search's own result is not relied on. The file's bytes are decoded, Pillow makes the versions
that a cloak may have to survive (`.versions`), dlib finds and aligns the face in each, and the
goal must be reached by the descriptors of both dlib's own recogniser and the PyTorch port.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ...faces.finder import Face, FaceFinder
from ...faces.gallery import Goal
from ...images.jpeg import JpegSaving
from ...images.picture import decode
from ...system.threads import threads
from .versions import PNG, version

LARGE = 1_000_000  # pixels, from which versions are looked at on several cores


@dataclass(frozen=True)
class Look:
    """One version of a file, and the descriptors of the face in it.

    detected: whether the detector found the face again; where not, the place of the original is
    used, for not being detected is no protection. chip: uint8 150×150×3; port: the PyTorch port's
    descriptor, float32 128; dlib: its own recogniser's, None where it was not needed.
    """

    version: str
    face: Face
    detected: bool
    chip: np.ndarray
    port: np.ndarray
    dlib: np.ndarray | None = None


@dataclass(frozen=True)
class Verdict:
    """reached: the goal is, in every version and by both recognisers; agree: in each version both
    recognisers reach it or neither does.

    distance: to what is enrolled, dlib's, the least favourable version's; distances: each
    version's; looks: at the versions, each with dlib's descriptor.
    """

    reached: bool
    agree: bool
    distance: float
    distances: dict[str, float]
    looks: tuple[Look, ...]


def find_again(
    finder: FaceFinder, pixels: np.ndarray, face: Face, scale: float
) -> tuple[Face, bool]:
    """The face of the original, scaled, in a version of it -> (`Face`, whether it was detected)."""
    return finder.find_again(pixels, tuple(scale * value for value in face.box), face.turn)


def look(
    finder: FaceFinder, recogniser, file: bytes, face: Face, versions: tuple[str, ...] = PNG
) -> list[Look]:
    """The bytes of a file and the face in the original -> a look at each version, by the port.

    recogniser: `engine.networks.recogniser.Recogniser`.
    """
    return look_at(finder, recogniser, decode(file).pixels, face, versions)


def look_at(
    finder: FaceFinder,
    recogniser,
    pixels: np.ndarray,
    face: Face,
    versions: Iterable[str],
    saving: JpegSaving | None = None,
) -> list[Look]:
    """`look` at uint8 H×W×3, decoded already; saving: how its file will be saved, if as a JPEG."""

    file = pixels if saving is None else saving.saved(pixels)  # once for all versions

    def at(name: str) -> Look:
        changed = np.ascontiguousarray(version(name, file))
        again, detected = find_again(finder, changed, face, changed.shape[1] / pixels.shape[1])
        chip = finder.chip(changed, again)
        return Look(name, again, detected, chip, recogniser.describe(chip[None])[0])

    if pixels.size < 3 * LARGE:
        return [at(name) for name in versions]
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(at, versions))


def confirm(finder: FaceFinder, looks: list[Look], goal: Goal) -> Verdict:
    """The verdict, by dlib's descriptors of the chips too, which take longer than the port's."""
    looks = [replace(each, dlib=finder.describe_chip(each.chip)) for each in looks]
    theirs = [goal.reached(each.dlib) for each in looks]
    ours = [goal.reached(each.port) for each in looks]
    distances = {each.version: goal.distance(each.dlib) for each in looks}
    hardest = max if goal.targeted else min
    return Verdict(
        reached=all(theirs) and all(ours),
        agree=theirs == ours,
        distance=hardest(distances.values()),
        distances=distances,
        looks=tuple(looks),
    )


def judge(
    finder: FaceFinder,
    recogniser,
    file: bytes,
    face: Face,
    goal: Goal,
    versions: tuple[str, ...] = PNG,
) -> Verdict:
    """The bytes of a file, the face in the original, the goal -> `Verdict`."""
    return confirm(finder, look(finder, recogniser, file, face, versions), goal)
