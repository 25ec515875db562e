"""Labeled Faces in the Wild as the cloak's evaluation reads it: photos, pairs, a gallery.

The folder holds `people-*.parquet` (an `image` column of {bytes, path} structs, a `person`
column; photo k of a person is the k-th row of that person, from 1) and `pairs.tsv` (person,
index, person, index, same).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from engine.faces.finder import Face, FaceFinder, whole
from engine.faces.gallery import Gallery
from engine.models.locate import locate
from engine.models.registry import MODELS, RECOGNISER
from engine.networks.recogniser import Recogniser

from ..records.record import write
from .labelled import DataError


@dataclass(frozen=True)
class Pair:
    """Two photos as (person, index from 1), and whether they are of one person."""

    one: tuple[str, int]
    two: tuple[str, int]
    same: bool


class People:
    """The photos of each person, decoded when needed. Raises DataError."""

    def __init__(self, folder: Path):
        from pyarrow import parquet

        files = sorted(folder.glob("people-*.parquet"))
        if not files:
            raise DataError(f"{folder} holds no people-*.parquet: name the folder of LFW")
        self.folder = folder
        self.photos: dict[str, list[bytes]] = {}
        for file in files:
            table = parquet.read_table(file, columns=["image", "person"]).to_pydict()
            for image, person in zip(table["image"], table["person"], strict=True):
                self.photos.setdefault(person, []).append(image["bytes"])

    def photo(self, person: str, index: int) -> np.ndarray:
        """uint8 250×250×3; index from 1."""
        with Image.open(io.BytesIO(self.photos[person][index - 1])) as image:
            return np.array(image.convert("RGB"))

    @cached_property
    def pairs(self) -> list[Pair]:
        with (self.folder / "pairs.tsv").open(newline="") as stream:
            rows = list(csv.reader(stream, delimiter="\t"))
        if not rows[0][1].isdigit():
            rows = rows[1:]
        return [
            Pair((a, int(i)), (b, int(j)), same.lower() in ("1", "true", "same"))
            for a, i, b, j, same in rows
        ]

    def with_at_least(self, count: int) -> list[str]:
        """People with that many photos, by name."""
        return sorted(name for name, photos in self.photos.items() if len(photos) >= count)


def centre_face(finder: FaceFinder, pixels: np.ndarray) -> Face | None:
    """The face in the middle, which is the one the photo is of; None where none is found."""
    middle = np.array([pixels.shape[1], pixels.shape[0]]) / 2
    faces = [face for face in finder.find(pixels) if whole(face, *pixels.shape[1::-1])]

    def off(face: Face) -> float:
        box = np.array(face.box)
        return float(np.abs((box[:2] + box[2:]) / 2 - middle).max())

    best = min(faces, key=off, default=None)
    return best if best is not None and off(best) < 40 else None


@dataclass(frozen=True)
class Subject:
    """One person of the gallery: the photo that is cloaked, its face, who is enrolled.

    pixels uint8 250×250×3; label: in the gallery; enrolled float32 m×128: descriptors of other
    photos of the person; skipped: photos without a usable face, or already taken for another.
    """

    person: str
    label: int
    pixels: np.ndarray
    face: Face
    enrolled: np.ndarray
    skipped: int


ENROLLED = 6  # photos of a person that make the centroid; the next calibrates, then the cloaked


def enrol(
    people: People, finder: FaceFinder, recogniser: Recogniser, count: int
) -> tuple[Gallery, list[Subject]]:
    """The first `count` people with ten photos or more: a calibrated gallery and their subjects."""
    names = people.with_at_least(10)[:count]
    described: dict[str, np.ndarray] = {}
    calibrating, candidates = [], []
    for name in names:
        usable = []
        for index in range(1, len(people.photos[name]) + 1):
            pixels = people.photo(name, index)
            face = centre_face(finder, pixels)
            if face is not None:
                usable.append(
                    (pixels, face, recogniser.describe(finder.chip(pixels, face)[None])[0])
                )
            if len(usable) == ENROLLED + 4:
                break
        described[name] = np.stack([each[2] for each in usable[:ENROLLED]])
        calibrating.append(usable[ENROLLED][2])
        candidates.append((usable[ENROLLED + 1 :], index - len(usable)))
    gallery = Gallery.enrol(described).calibrated(np.stack(calibrating), np.arange(len(names)))
    subjects = []
    for label, (name, (photos, missing)) in enumerate(zip(names, candidates, strict=True)):
        known = described[name]
        for skipped, (pixels, face, own) in enumerate(photos):
            close = np.linalg.norm(known - own, axis=1).min() < 0.6
            if close and gallery.identify(own[None])[0] == label:
                subject = Subject(name, label, pixels, face, known, skipped + missing)
                subjects.append(subject)
                break
    return gallery, subjects


def publish(
    name: str,
    command: str,
    sections: dict,
    models: Sequence[str] = (),
    folder: Path | None = None,
) -> Path:
    """What was measured on LFW with the recogniser, and other models, -> results/NAME.json.

    folder: another than results/.
    """
    weights = {MODELS[each].file: locate(each).sha256 for each in (RECOGNISER, *models)}
    data = "lfw: deep-funneled, JPEG quality 50"
    return write(
        name, command=command, data=data, weights=weights, sections=sections, folder=folder
    )
