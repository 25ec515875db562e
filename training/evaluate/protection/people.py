"""Who is protected, from which photos they are to be known, and who serves for what.

Of each person one photo is cloaked, `GALLERY` others may be given to the search, and `PROBES` more
are what the cloaked one is compared with: no photo serves for two. Settings are chosen on people of
one group (`training.data.groups`), thresholds come from another, two are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from engine.faces.finder import Face, FaceFinder
from engine.faces.recognisers import RECOGNISERS

from ...data.groups import FRAMING, REPORTED, THRESHOLDS, group
from ...data.lfw import People, centre_face
from ..cloak.held_out_recogniser import Onlooker
from ..faces.distances import threshold_at

GALLERY, PROBES = 3, 4
SHARES = (0.01, 0.001)  # of false matches
PARTS = {"choose": FRAMING, "report": REPORTED}
OF_A_PERSON = 3  # photos, at most, that thresholds are taken from
Describe = Callable[[np.ndarray, Face], np.ndarray]


@dataclass(frozen=True, eq=False)
class Person:
    """pixels uint8 250×250×3: the photo that is cloaked; face: in it; gallery, probes: other
    photos of the person and the face in each.
    """

    name: str
    pixels: np.ndarray
    face: Face
    gallery: tuple[tuple[np.ndarray, Face], ...]
    probes: tuple[tuple[np.ndarray, Face], ...]

    def enrolled(self, finder: FaceFinder) -> dict[str, np.ndarray]:
        """The gallery's embeddings, m×D by recogniser."""
        return {
            name: np.stack([row.describe(finder, *each) for each in self.gallery])
            for name, row in RECOGNISERS.items()
        }


def persons(people: People, finder: FaceFinder, part: str, count: int) -> list[Person]:
    """The first people of a part, by name, with photos enough in which a face is found."""
    need, found = 1 + GALLERY + PROBES, []
    for name in people.with_at_least(need):
        if group(name) not in PARTS[part]:
            continue
        photos = usable(people, finder, name, need)
        if len(photos) == need:
            (pixels, face), *others = photos
            found.append(
                Person(name, pixels, face, tuple(others[:GALLERY]), tuple(others[GALLERY:]))
            )
        if len(found) == count:
            break
    return found


def usable(
    people: People, finder: FaceFinder, name: str, most: int
) -> list[tuple[np.ndarray, Face]]:
    """The first photos of a person in which a face is found, and the face."""
    photos = []
    for index in range(1, len(people.photos[name]) + 1):
        pixels = people.photo(name, index)
        face = centre_face(finder, pixels)
        if face is not None:
            photos.append((pixels, face))
        if len(photos) == most:
            break
    return photos


def black_box_thresholds(people: People, finder: FaceFinder, box: Onlooker) -> dict[str, float]:
    """The distances below which these shares of pairs of different people lie, of a group that
    serves for nothing else.
    """
    embeddings, names = [], []
    for name in sorted(people.photos):
        if group(name) in THRESHOLDS:
            for pixels, face in usable(people, finder, name, OF_A_PERSON):
                embeddings.append(box.describe(pixels, face))
                names.append(name)
    matrix, labels = np.stack(embeddings), np.array(names)
    different = np.triu(labels[:, None] != labels[None], 1)
    distances = 1 - (matrix @ matrix.T)[different]
    return {f"{share:g}": threshold_at(distances, share) for share in SHARES}


def matched(distances: Iterable[float], threshold: float) -> float:
    """The share of distances below a threshold."""
    return float(np.mean([each < threshold for each in distances]))
