"""Faces in a photo, and whether two photos show the same person to a machine."""

from __future__ import annotations

from dataclasses import dataclass

from engine.compare import Comparison, verify
from engine.faces import SMALLEST, FaceError, load_finder, whole
from engine.image import Picture


@dataclass(frozen=True)
class Found:
    """One face, 1 the largest. box: (left, top, right, bottom) in pixels; usable: for a cloak."""

    number: int
    box: tuple[int, int, int, int]
    side: int
    usable: bool


def find(picture: Picture) -> list[Found]:
    """The faces of a photo. Raises FaceError where there is none, WeightsError without dlib."""
    faces = load_finder().find(picture.pixels)
    if not faces:
        raise FaceError(
            f"No face found: a face must look at the camera and be {SMALLEST} pixels or more"
        )
    return [
        Found(number, face.box, face.side, whole(face, *picture.size))
        for number, face in enumerate(faces, 1)
    ]


def compare(one: Picture, two: Picture) -> Comparison:
    """The largest faces of two photos: the same person or not. Raises FaceError."""
    return verify(one, two)
