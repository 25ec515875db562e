"""Faces in a photo, and whether two photos show the same person to a recogniser."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from engine.faces.detector import smallest
from engine.faces.finder import FaceError, load_finder, whole
from engine.faces.verification import Comparison, verify
from engine.images.picture import Picture


@dataclass(frozen=True)
class FoundFace:
    """One face of a photo (see `engine.faces.finder.FaceFinder.find`).

    number: 1 is the best; box: (left, top, right, bottom) in pixels; usable: for a cloak; sure:
    whether the detector is.
    """

    number: int
    box: tuple[int, int, int, int]
    side: int
    usable: bool
    sure: bool = True

    def to_dict(self) -> dict:
        return asdict(self) | {"box": list(self.box)}


def find(picture: Picture) -> list[FoundFace]:
    """The faces of a photo. Raises FaceError where there is none, WeightsError without dlib."""
    faces = load_finder().find(picture.pixels)
    if not faces:
        raise FaceError(
            "No face found, upright or turned: a face must look at the camera and be "
            f"{smallest(*picture.size)} pixels or more"
        )
    return [
        FoundFace(number, face.box, face.side, whole(face, *picture.size), face.sure)
        for number, face in enumerate(faces, 1)
    ]


def compare(one: Picture, two: Picture) -> Comparison:
    """The best faces of two photos: the same person or not. Raises FaceError."""
    return verify(one, two)
