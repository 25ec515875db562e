"""LFW's gallery and the photos to cloak, enrolled once and kept as numbers."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from engine.cloak.face import Cloak
from engine.faces.gallery import Gallery
from engine.models.locate import locate
from engine.models.registry import RECOGNISER
from engine.system.files import write_bytes

from ...data.lfw import ENROLLED, People, Subject, enrol

PEOPLE = 100


def enrolled(data: str, cloak: Cloak, runs: Path, count: int = PEOPLE) -> Path:
    """`training.data.lfw.enrol` of `count` people, kept in runs/cloak/; returns the file."""
    mark = f"{locate(RECOGNISER).sha256[:8]}-{ENROLLED}"
    path = runs / "cloak" / f"gallery-{count}-{mark}.npz"
    if path.is_file():
        return path
    gallery, subjects = enrol(People(Path(data)), cloak.finder, cloak.recogniser, count)
    stream = io.BytesIO()
    np.savez(
        stream,
        names=np.array(gallery.names),
        centroids=gallery.centroids,
        temperature=gallery.temperature,
        people=np.array([subject.person for subject in subjects]),
        labels=np.array([subject.label for subject in subjects]),
        pixels=np.stack([subject.pixels for subject in subjects]),
        boxes=np.array([subject.face.box for subject in subjects]),
        enrolled=np.stack([subject.enrolled for subject in subjects]),
        skipped=np.array([subject.skipped for subject in subjects]),
    )
    write_bytes(path, stream.getvalue())
    return path


def recalled(path: Path, cloak: Cloak) -> tuple[Gallery, list[Subject]]:
    """What `enrolled` kept; the faces' landmarks are found again."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    gallery = Gallery(
        tuple(str(name) for name in arrays["names"]),
        arrays["centroids"],
        float(arrays["temperature"]),
    )
    subjects = [
        Subject(
            person=str(arrays["people"][place]),
            label=int(arrays["labels"][place]),
            pixels=pixels,
            face=cloak.finder.at(pixels, tuple(int(value) for value in arrays["boxes"][place])),
            enrolled=arrays["enrolled"][place],
            skipped=int(arrays["skipped"][place]),
        )
        for place, pixels in enumerate(arrays["pixels"])
    ]
    return gallery, subjects


def digest(gallery: Gallery, subjects: list[Subject]) -> str:
    """Changes with the people, how many photos they have, the photos, or the place of a face.

    Not with the descriptors, which follow from these and whose last bits are the processor's.
    """
    whole = hashlib.sha256(f"{gallery.names} {gallery.temperature}".encode())
    for subject in subjects:
        whole.update(subject.pixels.tobytes())
        whole.update(f"{subject.person} {subject.label} {subject.skipped}".encode())
        whole.update(f"{subject.face.box} {len(subject.enrolled)}".encode())
    return whole.hexdigest()
