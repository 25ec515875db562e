"""What a cloaked file survives: saved again and resized as sites do, is the goal still reached?

Each change is made to the file's own pixels by Pillow; dlib finds and aligns the face again, and
both recognisers must reach the goal, as for the verdict. Of a large photo only the part around the
face is changed: blocks of JPEG and WebP lie in it as in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...faces.finder import Face, FaceFinder
from ...faces.gallery import Goal
from ...images.parts import grown
from .verdict import Verdict, confirm, look_at
from .versions import WORDS

GRID = 64  # pixels on which a part begins: blocks of halved colour, at half size, of WebP too
AROUND = 0.5  # of the face's side that is left around it
WEBP_SIDE = 16383  # pixels: no WebP is larger


@dataclass(frozen=True)
class Survival:
    """After one change of a file: whether the goal is still reached, and dlib's distance."""

    reached: bool
    distance: float


def part_around(face: Face, width: int, height: int) -> tuple[int, int, int, int]:
    """A face and its surroundings in a photo, (left, top, right, bottom), begun on the grid."""
    left, top, right, bottom = grown(face.box, round(AROUND * face.side), width, height)
    return left // GRID * GRID, top // GRID * GRID, right, bottom


def survival(
    finder: FaceFinder, recogniser, pixels: np.ndarray, face: Face, goal: Goal
) -> dict[str, Survival]:
    """A cloaked photo uint8 H×W×3, the face in the original -> what of `WORDS` it survives.

    recogniser: `engine.networks.recogniser.Recogniser`.
    """
    left, top, right, bottom = part_around(face, pixels.shape[1], pixels.shape[0])
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    box = tuple(value - start for value, start in zip(face.box, (left, top) * 2, strict=True))
    names = [name for name in WORDS if name != "webp80" or max(part.shape) <= WEBP_SIDE]
    looks = look_at(finder, recogniser, part, replace(face, box=box), names)
    return survived(confirm(finder, looks, goal), goal)


def survived(verdict: Verdict, goal: Goal) -> dict[str, Survival]:
    """What a verdict says of the versions that it looked at, but for the file itself."""
    return {
        each.version: Survival(
            goal.reached(each.dlib) and goal.reached(each.port),
            float(verdict.distances[each.version]),
        )
        for each in verdict.looks
        if each.version != "png"
    }


def in_words(found: dict[str, Survival]) -> str:
    """What is survived and what is not, as a sentence without its end."""
    held = [WORDS[name] for name, each in found.items() if each.reached]
    lost = [WORDS[name] for name, each in found.items() if not each.reached]
    parts = [f"survives {', '.join(held)}"] if held else []
    return "; ".join([*parts, *([f"is undone by {', '.join(lost)}"] if lost else [])])
