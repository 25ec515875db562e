"""Faces in a photo, and whether two photos show the same person to a machine."""

from __future__ import annotations

from dataclasses import dataclass

from engine.faces.detector import smallest
from engine.faces.finder import FaceError, load_finder, whole
from engine.faces.verification import Comparison, verify
from engine.images.picture import Picture


@dataclass(frozen=True)
class Found:
    """One face, 1 the best (see `engine.faces.finder.FaceFinder.find`).

    box: (left, top, right, bottom) in pixels; usable: for a cloak; sure: whether the detector is.
    """

    number: int
    box: tuple[int, int, int, int]
    side: int
    usable: bool
    sure: bool = True


def find(picture: Picture) -> list[Found]:
    """The faces of a photo. Raises FaceError where there is none, WeightsError without dlib."""
    faces = load_finder().find(picture.pixels)
    if not faces:
        raise FaceError(
            "No face found, upright or turned: a face must look at the camera and be "
            f"{smallest(*picture.size)} pixels or more"
        )
    return [
        Found(number, face.box, face.side, whole(face, *picture.size), face.sure)
        for number, face in enumerate(faces, 1)
    ]


def compare(one: Picture, two: Picture) -> Comparison:
    """The best faces of two photos: the same person or not. Raises FaceError."""
    return verify(one, two)
