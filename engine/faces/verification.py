"""Verification: whether two photos show the same person, to each recogniser there is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..images.picture import as_picture
from ..models.registry import ALL
from .finder import SAME, load_finder, no_face, searched
from .recognisers import named


@dataclass(frozen=True)
class Match:
    """One recogniser's: distance, Euclidean, of two embeddings, and its threshold."""

    distance: float
    threshold: float

    @property
    def same(self) -> bool:
        """Whether the two are of one person to it: below the threshold."""
        return self.distance < self.threshold

    def to_dict(self) -> dict:
        """As JSON, the distance rounded to six digits."""
        return {
            "same": self.same,
            "distance": round(self.distance, 6),
            "threshold": self.threshold,
        }


@dataclass(frozen=True)
class Comparison:
    """distance, same and threshold: of the first recogniser, dlib's where none was chosen.

    faces: how many the detector is sure of in each picture, 1 or more; notes: on how they were
    found; recognisers: by name, of each that was requested.
    """

    distance: float
    same: bool
    faces: tuple[int, int]
    threshold: float = SAME
    notes: tuple[str, ...] = ()
    recognisers: dict[str, Match] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """As JSON, distances rounded to six digits."""
        return {
            **Match(self.distance, self.threshold).to_dict(),
            "faces": list(self.faces),
            "recognisers": {name: match.to_dict() for name, match in self.recognisers.items()},
        }


def verify(one: object, two: object, *, against: str | tuple[str, ...] = ALL) -> Comparison:
    """Two pictures (see `engine.images.picture.as_picture`), the best face of each, compared.

    The best is the largest of those that the detector is sure of (see `FaceFinder.find`). against:
    recognisers, as `engine.faces.recognisers.named` takes them. Needs dlib, no torch. Raises
    ImageError, FaceError, UsageError, WeightsError.
    """
    rows = named(against)
    pictures = as_picture(one), as_picture(two)  # refused before a model is loaded
    finder = load_finder()
    counts, notes = [], []
    embeddings: dict[str, list[np.ndarray]] = {row.name: [] for row in rows}
    for image, picture, place in zip((one, two), pictures, ("first", "second"), strict=True):
        pixels, name = picture.pixels, image if isinstance(image, str) else f"the {place} picture"
        faces = finder.find(pixels)
        if not faces:
            raise no_face(name, picture.size)
        notes += [f"{name}: {note}" for note in searched(faces, picture.size)]
        for row in rows:
            embeddings[row.name].append(row.describe(finder, pixels, faces[0]))
        counts.append(max(1, sum(face.sure for face in faces)))
    matches = {
        row.name: Match(float(np.linalg.norm(np.subtract(*embeddings[row.name]))), row.threshold)
        for row in rows
    }
    first = matches[rows[0].name]
    return Comparison(
        first.distance,
        first.same,
        (counts[0], counts[1]),
        first.threshold,
        tuple(notes),
        matches,
    )
