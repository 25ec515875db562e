"""Many pictures: a bad one is recorded, the rest goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..errors import EngineError, SetupError
from ..images.picture import Picture
from .failures import engine_error

Result = TypeVar("Result")
Work = Callable[[Picture, str, str], Result]

STDIN = "-"  # in place of a path: the picture comes on standard input
LONGEST = 240  # bytes of a stem: with our suffixes a name stays within 255, most systems' limit


@dataclass(frozen=True)
class Done:
    """One picture of a batch: its result, or the error that refused it."""

    image: str
    result: object | None
    error: EngineError | None


def stems(images: Iterable[str]) -> list[str]:
    """A distinct name for each picture's output files: cat, cat-2, …; cut where it is too long."""
    names: list[str] = []
    for image in images:
        stem = "stdin" if image == STDIN else Path(image).stem
        name, number = shortened(stem, LONGEST), 1
        while name in names:
            number += 1
            ending = f"-{number}"
            name = shortened(stem, LONGEST - len(ending)) + ending
        names.append(name)
    return names


def shortened(name: str, longest: int) -> str:
    """As many whole characters of a name as have `longest` bytes on disk."""
    while len(os.fsencode(name)) > longest:
        name = name[:-1]
    return name


def run(
    images: Iterable[str], read: Callable[[str], Picture], prepare: Callable[[], Work]
) -> Iterator[Done]:
    """Call work(picture, image, stem) on each picture; what goes wrong becomes part of the stream.

    prepare gives the work; it is called once, when the first picture was read. What it raises ends
    the batch, as does SetupError from anywhere: it is no picture's fault.
    """
    images = list(images)
    work: Work | None = None
    for image, stem in zip(images, stems(images), strict=True):
        try:
            picture = read(image)
        except Exception as error:
            yield Done(image, None, recorded(error, image))
            continue
        work = work or prepare()
        try:
            result = work(picture, image, stem)
        except Exception as error:
            yield Done(image, None, recorded(error, image))
            continue
        yield Done(image, result, None)


def recorded(error: Exception, image: str) -> EngineError:
    """The error as one picture's. Raises SetupError, and BrokenPipeError: the reader has left."""
    if isinstance(error, BrokenPipeError):
        raise error
    known = engine_error(error, image)
    if isinstance(known, SetupError):
        raise known from None
    return known
