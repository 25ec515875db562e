"""A face is cloaked in the part of a large photo around it; the verdict is on the whole file.

Detection, codecs and changes of size take their time by the pixel, and nothing further away than
half a face decides anything about the face. Blocks of a codec lie in the part as in the whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..faces.finder import Face, FaceFinder
from ..images.parts import Box, cut_out, put_back
from .judge.survival import WEBP_SIDE, part_around
from .judge.verdict import Look, Verdict, confirm, look, look_at
from .judge.versions import PNG, Standard
from .state import FaceState

if TYPE_CHECKING:
    from .face import Cloak

LARGE = 1_000_000  # pixels of a photo, from which a face is cloaked in a part of it


def part_of(face: Face, photo: np.ndarray) -> Box:
    """The part of a photo uint8 H×W×3 in which a face of it is cloaked."""
    height, width = photo.shape[:2]
    whole = (0, 0, width, height)
    large = height * width > LARGE or max(height, width) > WEBP_SIDE
    return part_around(face, width, height) if large else whole


def moved(face: Face, part: Box) -> Face:
    """A face of a photo, as it lies in a part of it."""
    start = np.array(part[:2])
    left, top, right, bottom = (int(v) for v in np.subtract(face.box, [*start, *start]))
    landmarks = face.landmarks - start
    chip = face.chip.within(*part[:2])
    return replace(face, box=(left, top, right, bottom), landmarks=landmarks, chip=chip)


def look_whole(
    finder: FaceFinder, recogniser, pixels: np.ndarray, state: FaceState, standard: Standard
) -> Look:
    """At the file of a photo whose part is uint8 H×W×3, the face found again in all of it.

    The face is given as it lies in the part; there the detector might place it a pixel elsewhere.
    """
    photo, part = state.whole
    start = tuple(-value for value in part)
    face = moved(state.face, start)
    whole = put_back(photo, part, pixels)
    (found,) = look_at(finder, recogniser, whole, face, PNG, standard.saving)
    return replace(found, face=moved(found.face, part))


def final(
    cloak: Cloak,
    file: bytes,
    state: FaceState,
    face: Face,
    part: Box,
    pixels: np.ndarray,
    standard: Standard,
) -> Verdict:
    """On the bytes of the photo's file: as a whole, and in its other versions in the part.

    face: in the whole photo; pixels: what the file decodes to, uint8 H×W×3; state: as its search
    left it.
    """
    own = cut_out(pixels, part)
    same = state.verdict is not None and np.array_equal(own, state.pixels)
    if same and own.shape == pixels.shape:
        return state.verdict
    others = [name for name in standard.versions if name not in PNG]
    if same:
        looks = [each for each in state.verdict.looks if each.version in others]
    else:
        looks = look_at(cloak.finder, cloak.recogniser, own, state.face, others)
    return confirm(
        cloak.finder, [*look(cloak.finder, cloak.recogniser, file, face), *looks], state.goal
    )
