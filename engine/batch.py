"""Many pictures: a bad one is recorded, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .errors import EngineError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Done:
    """One picture of a batch: its result, or the error that refused it."""

    image: str
    result: object | None
    error: EngineError | None


def stems(images: Iterable[str]) -> list[str]:
    """A distinct name for each picture's output files: cat, cat-2, …"""
    names: list[str] = []
    for image in images:
        stem = Path(image).stem
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        names.append(name)
    return names


def run(images: Iterable[str], work: Callable[[str, str], Result]) -> Iterator[Done]:
    """Call work(image, stem) on each picture; an EngineError becomes part of the stream."""
    images = list(images)
    for image, stem in zip(images, stems(images), strict=True):
        try:
            yield Done(image, work(image, stem), None)
        except EngineError as error:
            yield Done(image, None, error)
