"""Whom a cloaked face is to match or not to match: a target, a gallery, or the face as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import EngineError, ImageError
from ..faces.finder import Face, no_face
from ..faces.gallery import Goal, Matching
from ..images.picture import ADDRESS, as_picture, open_image

if TYPE_CHECKING:
    from .face import Cloak


def name_of(image: object, otherwise: str) -> str:
    return str(image) if isinstance(image, (str, Path)) else otherwise


def describe_best(cloak: Cloak, image: object, name: str | None = None) -> np.ndarray:
    """The descriptor 1×128 of a picture's best face. Raises ImageError, FaceError."""
    picture = as_picture(image)
    faces = cloak.finder.find(picture.pixels)
    if not faces:
        raise no_face(name or name_of(image, "the target"), picture.size)
    return cloak.finder.describe(picture.pixels, faces[0])[None]


def enrol_folder(cloak: Cloak, folder: str | os.PathLike) -> tuple[np.ndarray, tuple[str, ...]]:
    """Descriptors m×128 of the best face of every picture below a folder, and notes.

    Every file is tried, whatever its name. The notes say which were left out: no face, or not to be
    read. Raises EngineError.
    """
    if ADDRESS.match(os.fspath(folder)):
        raise EngineError(f"--gallery {folder} is an address: download the photos first")
    place = Path(folder)
    if not place.is_dir():
        raise EngineError(f"--gallery {folder} is no folder: name one that holds photos of faces")
    descriptors, notes = [], []
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
            descriptors.append(cloak.finder.describe(pixels, faces[0]))
        else:
            notes.append(f"left out of the gallery: {path}: no face found")
    if not descriptors:
        raise EngineError(f"--gallery {folder} holds no photo with a face: add some")
    return np.stack(descriptors), tuple(notes)


def goal_of(
    cloak: Cloak,
    photo: np.ndarray,
    face: Face,
    target: np.ndarray | None,
    gallery: np.ndarray | None,
) -> Goal:
    """target, gallery: descriptors m×128 or None; without both, the face's own is dodged."""
    if target is not None:
        return Matching(target, targeted=True)
    own = cloak.finder.describe(photo, face)[None]
    return Matching(own if gallery is None else np.concatenate([gallery, own]))
