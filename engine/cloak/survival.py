"""What a cloaked file survives: saved again and resized as sites do, is the goal still reached?

Each change is made to the file's own pixels by Pillow; dlib finds and aligns the face again, and
both recognisers must reach the goal, as for the verdict. Of a large photo only the part around the
face is changed: blocks of JPEG and WebP lie in it as in the whole.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..faces.finder import Face, FaceFinder
from ..faces.gallery import Goal
from ..images.parts import grown
from ..images.picture import decode, resize
from .verdict import reencode, smaller

GRID = 64  # pixels on which a part begins: blocks of halved colour, at half size, of WebP too
AROUND = 1.0  # of the face's side that is left around it
WEBP_SIDE = 16383  # pixels: no WebP is larger


def webp(pixels: np.ndarray, quality: int) -> np.ndarray:
    """uint8 H×W×3 through Pillow's WebP encoder and decoder."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=quality)
    return decode(stream.getvalue()).pixels


def larger_and_back(pixels: np.ndarray) -> np.ndarray:
    """1.5 × the size and back, by Lanczos."""
    height, width = pixels.shape[:2]
    return resize(resize(pixels, round(1.5 * width), round(1.5 * height)), width, height)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "jpeg90": lambda pixels: reencode(pixels, 90),
    "jpeg75": lambda pixels: reencode(pixels, 75),
    "webp80": lambda pixels: webp(pixels, 80),
    "half": smaller,
    "half+jpeg80": lambda pixels: reencode(smaller(pixels), 80),
    "1.5x+back": larger_and_back,
}
WORDS = {
    "jpeg90": "JPEG 90",
    "jpeg75": "JPEG 75",
    "webp80": "WebP 80",
    "half": "half size",
    "half+jpeg80": "half size and JPEG 80",
    "1.5x+back": "1.5 × and back",
}


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
    """A cloaked photo uint8 H×W×3, the face in the original -> what of `CHANGES` it survives.

    recogniser: `engine.networks.recogniser.Recogniser`.
    """
    left, top, right, bottom = part_around(face, pixels.shape[1], pixels.shape[0])
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    box = tuple(value - start for value, start in zip(face.box, (left, top) * 2, strict=True))
    found = {}
    for name, change in CHANGES.items():
        if name == "webp80" and max(part.shape) > WEBP_SIDE:
            continue
        changed = np.ascontiguousarray(change(part))
        scale = changed.shape[1] / part.shape[1]
        again, _ = finder.find_again(changed, tuple(scale * value for value in box), face.turn)
        chip = finder.chip(changed, again)
        theirs = finder.describe_chip(chip)
        ours = recogniser.describe(chip[None])[0]
        found[name] = Survival(
            goal.reached(theirs) and goal.reached(ours), float(goal.distance(theirs))
        )
    return found


def in_words(found: dict[str, Survival]) -> str:
    """What is survived and what is not, as a sentence without its end."""
    held = [WORDS[name] for name, each in found.items() if each.reached]
    lost = [WORDS[name] for name, each in found.items() if not each.reached]
    parts = [f"survives {', '.join(held)}"] if held else []
    return "; ".join([*parts, *([f"is undone by {', '.join(lost)}"] if lost else [])])
