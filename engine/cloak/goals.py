"""Whom a cloaked face is to match or not to match: a target, a gallery, or the face as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import EngineError, ImageError
from ..faces.finder import Face, no_face
from ..faces.gallery import EveryGoal, Matching
from ..faces.recognisers import RECOGNISERS
from ..images.picture import ADDRESS, as_picture, open_image
from .judge.recognisers import Embeddings

if TYPE_CHECKING:
    from .face import Cloak


def name_of(image: object, otherwise: str) -> str:
    return str(image) if isinstance(image, (str, Path)) else otherwise


def describe_best(cloak: Cloak, image: object, name: str | None = None) -> Embeddings:
    """The embeddings of a picture's best face, 1×D by recogniser. Raises ImageError, FaceError."""
    picture = as_picture(image)
    faces = cloak.finder.find(picture.pixels)
    if not faces:
        raise no_face(name or name_of(image, "the target"), picture.size)
    return stacked([cloak.recognisers.describe(picture.pixels, faces[0])])


def stacked(each: list[Embeddings]) -> Embeddings:
    """Embeddings D by recogniser, of m faces -> m×D by recogniser."""
    return {name: np.stack([one[name] for one in each]) for name in each[0]}


def enrol_folder(cloak: Cloak, folder: str | os.PathLike) -> tuple[Embeddings, tuple[str, ...]]:
    """Embeddings m×D, by recogniser, of the best face of every picture below a folder, and notes.

    Every file is tried, whatever its name. The notes say which were left out: no face, or not to be
    read. Raises EngineError.
    """
    if ADDRESS.match(os.fspath(folder)):
        raise EngineError(f"--gallery {folder} is an address: download the photos first")
    place = Path(folder)
    if not place.is_dir():
        raise EngineError(f"--gallery {folder} is no folder: name one that holds photos of faces")
    found, notes = [], []
    for path in sorted(place.rglob("*")):
        if path.is_dir():  # what is in it comes next
            continue
        try:
            pixels = open_image(path).pixels
        except ImageError as error:
            notes.append(f"left out of the gallery: {error}")
            continue
        faces = cloak.finder.find(pixels)
        if faces:
            found.append(cloak.recognisers.describe(pixels, faces[0]))
        else:
            notes.append(f"left out of the gallery: {path}: no face found")
    if not found:
        raise EngineError(f"--gallery {folder} holds no photo with a face: add some")
    return stacked(found), tuple(notes)


def goal_of(
    cloak: Cloak,
    photo: np.ndarray,
    face: Face,
    target: Embeddings | None,
    gallery: Embeddings | None,
) -> EveryGoal:
    """target, gallery: embeddings m×D by recogniser, or None; without both, the face's own are
    dodged.
    """
    enrolled = target
    if enrolled is None:
        enrolled = stacked([cloak.recognisers.describe(photo, face)])
        if gallery is not None:
            enrolled = {
                name: np.concatenate([gallery[name], own]) for name, own in enrolled.items()
            }
    return EveryGoal(
        {
            name: Matching(each, target is not None, RECOGNISERS[name].threshold)
            for name, each in enrolled.items()
        }
    )
