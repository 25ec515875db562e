"""Verification: whether two photos show the same person, to dlib's own recogniser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..images.picture import as_picture
from .finder import SAME, load_finder, no_face, searched


@dataclass(frozen=True)
class Comparison:
    """distance: Euclidean, of two embeddings; same: below the threshold.

    faces: how many the detector is sure of in each picture, 1 or more; notes: on how they were
    found.
    """

    distance: float
    same: bool
    faces: tuple[int, int]
    threshold: float = SAME
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        """As JSON, the distance rounded to six digits."""
        return {
            "same": self.same,
            "distance": round(self.distance, 6),
            "threshold": self.threshold,
            "faces": list(self.faces),
        }


def verify(one: object, two: object) -> Comparison:
    """Two pictures (see `engine.images.picture.as_picture`), the best face of each, compared.

    The best is the largest of those that the detector is sure of (see `FaceFinder.find`).
    Needs dlib, no torch. Raises ImageError, FaceError, WeightsError.
    """
    pictures = as_picture(one), as_picture(two)  # refused before a model is loaded
    finder = load_finder()
    descriptors, counts, notes = [], [], []
    for image, picture, place in zip((one, two), pictures, ("first", "second"), strict=True):
        pixels, name = picture.pixels, image if isinstance(image, str) else f"the {place} picture"
        faces = finder.find(pixels)
        if not faces:
            raise no_face(name, picture.size)
        notes += [f"{name}: {note}" for note in searched(faces, picture.size)]
        descriptors.append(finder.describe(pixels, faces[0]))
        counts.append(max(1, sum(face.sure for face in faces)))
    distance = float(np.linalg.norm(descriptors[0] - descriptors[1]))
    return Comparison(distance, distance < SAME, (counts[0], counts[1]), notes=tuple(notes))
