"""What a command does with one picture of a batch, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineError, SetupError, StorageError
from ..images.picture import Picture, decode
from ..terminal.failures import engine_error
from ..terminal.inputs import title


@dataclass(frozen=True)
class Report:
    """What a command reports of one picture.

    data: its JSON, "image" the first of its keys; text: the same for a reader; success: whether
    what was wanted came about, such as a cloak that holds.
    """

    data: dict
    text: str
    success: bool = True


Save = Callable[[dict[Path, bytes]], None]  # writes files, all or none
Work = Callable[[Picture, str, str, Save], Report]  # of (picture, image, stem, save)


def opened(data: bytes, image: str) -> Picture:
    """The bytes of a picture file, decoded; image: its name. Raises ImageError."""
    return decode(data, title(image))


@dataclass(frozen=True)
class Task:
    """What is done with every picture; it can be sent to another process.

    prepare: loads what is needed and returns the work, called once, when the first picture was
    read; opened: makes a picture of (bytes, image).
    """

    prepare: Callable[[], Work]
    opened: Callable[[bytes, str], Picture] = opened


@dataclass(frozen=True)
class Outcome:
    """One picture of a batch: its report, or the error that refused it.

    image: its name; before: the report is of an earlier run.
    """

    image: str
    report: Report | None
    error: EngineError | None
    before: bool = False


def recorded(error: Exception, image: str) -> EngineError:
    """The error as one picture's.

    Raises what is no picture's fault: SetupError, StorageError, and BrokenPipeError, the reader
    having left.
    """
    if isinstance(error, BrokenPipeError):
        raise error
    known = engine_error(error, image)
    if isinstance(known, (SetupError, StorageError)):
        raise known from None
    return known
