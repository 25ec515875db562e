"""Same person or not: the question a cloak is made against, asked of dlib's own recogniser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .faces import SAME, FaceError, load_finder
from .image import as_picture


@dataclass(frozen=True)
class Comparison:
    """distance: Euclidean, of two descriptors; same: below the threshold; faces: how many found."""

    distance: float
    same: bool
    faces: tuple[int, int]
    threshold: float = SAME


def verify(one: object, two: object) -> Comparison:
    """Two pictures (see `engine.image.as_picture`), the largest face of each, compared.

    Needs dlib, no torch. Raises ImageError, FaceError, WeightsError.
    """
    finder = load_finder()
    descriptors, counts = [], []
    for image, place in ((one, "first"), (two, "second")):
        pixels = np.ascontiguousarray(as_picture(image).pixels)
        faces = finder.find(pixels)
        if not faces:
            name = image if isinstance(image, str) else f"the {place} picture"
            raise FaceError(f"{name}: no face found: take a photo in which one looks at the camera")
        descriptors.append(finder.describe(pixels, faces[0]))
        counts.append(len(faces))
    distance = float(np.linalg.norm(descriptors[0] - descriptors[1]))
    return Comparison(distance, distance < SAME, (counts[0], counts[1]))
