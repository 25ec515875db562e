"""The verdict on a cloaked file: read again, found again, aligned again, by two recognisers.

The search's own result is not relied on. The file's bytes are decoded, Pillow makes the versions
that a cloak may have to survive (`.versions`), dlib finds and aligns the face in each, and the
goal must be reached by the embeddings of each recogniser, both of its network in PyTorch and of
dlib's own or ONNX Runtime's (`.recognisers`).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ...faces.finder import Face, FaceFinder
from ...faces.gallery import Goal, every
from ...images.jpeg import JpegSaving
from ...images.picture import decode
from ...system.threads import threads
from .recognisers import Embeddings, Recognisers
from .versions import PNG, version

LARGE = 1_000_000  # pixels, from which versions are looked at on several cores


@dataclass(frozen=True)
class Look:
    """One version of a file, and the descriptors of the face in it.

    detected: whether the detector found the face again; where not, the place of the original is
    used, for not being detected is no protection. By recogniser, chips: uint8 S×S×3; ports: the
    embeddings of the networks in PyTorch, float32 D; confirmed: those without it, None where they
    were not needed.
    """

    version: str
    face: Face
    detected: bool
    chips: Embeddings
    ports: Embeddings
    confirmed: Embeddings | None = None


@dataclass(frozen=True)
class Verdict:
    """reached: the goal is, in every version, by the networks in PyTorch and by what confirms them;
    agree: in each version both reach it or neither does.

    distance: to what is enrolled, the first recogniser's, the least favourable version's;
    distances: each version's; looks: at the versions, with what was confirmed.
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
    recognisers: Recognisers, file: bytes, face: Face, versions: tuple[str, ...] = PNG
) -> list[Look]:
    """The bytes of a file and the face in the original -> a look at each version."""
    return look_at(recognisers, decode(file).pixels, face, versions)


def look_at(
    recognisers: Recognisers,
    pixels: np.ndarray,
    face: Face,
    versions: Iterable[str],
    saving: JpegSaving | None = None,
) -> list[Look]:
    """`look` at uint8 H×W×3, decoded already; saving: how its file will be saved, if as a JPEG."""

    file = pixels if saving is None else saving.saved(pixels)  # once for all versions

    def at(name: str) -> Look:
        changed = np.ascontiguousarray(version(name, file))
        scale = changed.shape[1] / pixels.shape[1]
        again, detected = find_again(recognisers.finder, changed, face, scale)
        chips = recognisers.chips(changed, again)
        return Look(name, again, detected, chips, recognisers.ported(chips))

    if pixels.size < 3 * LARGE:
        return [at(name) for name in versions]
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(at, versions))


def confirm(recognisers: Recognisers, looks: list[Look], goal: Goal) -> Verdict:
    """The verdict, by the chips' embeddings without PyTorch too: dlib's take longer."""
    goal, seen = every(goal), [recognisers.confirmed(each.chips) for each in looks]
    looks = [replace(each, confirmed=one) for each, one in zip(looks, seen, strict=True)]
    theirs = [goal.reached(each) for each in seen]
    ours = [goal.reached(each.ports) for each in looks]
    distances = {each.version: goal.distance(one) for each, one in zip(looks, seen, strict=True)}
    hardest = max if goal.targeted else min
    return Verdict(
        reached=all(theirs) and all(ours),
        agree=theirs == ours,
        distance=hardest(distances.values()),
        distances=distances,
        looks=tuple(looks),
    )


def judge(
    recognisers: Recognisers,
    file: bytes,
    face: Face,
    goal: Goal,
    versions: tuple[str, ...] = PNG,
) -> Verdict:
    """The bytes of a file, the face in the original, the goal -> `Verdict`."""
    return confirm(recognisers, look(recognisers, file, face, versions), goal)
