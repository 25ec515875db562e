"""Many pictures: reports on stdout, errors on stderr; a bad picture is recorded, the rest goes on.

`outcomes` does the work and catches what goes wrong; `run` prints it, for a command.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ..errors import EngineError, SetupError
from ..images.picture import Picture
from ..system.files import check_folder
from .failures import engine_error
from .inputs import read, stems
from .streams import json_line

Work = Callable[[Picture, str, str], str]  # the report of (picture, image, stem)


@dataclass(frozen=True)
class Outcome:
    """One picture of a batch: its report, or the error that refused it.

    image: its name on the command line.
    """

    image: str
    report: str | None
    error: EngineError | None


def run(
    images: list[str],
    prepare: Callable[[], Work],
    out: Path | None,
    *,
    as_json: bool,
    read: Callable[[str], Picture] = read,
) -> int:
    """Print work(picture, image, stem) of every picture; a bad one is recorded, the rest goes on.

    prepare returns `work`; it is called once, when the first picture was read. out: where work
    leaves files, or None; where it cannot, a picture is refused before work begins. read: opens a
    picture by its name on the command line.
    Returns 0, or 1 where a picture was refused; with as_json that is {image, error} on stdout too.
    """

    def read_if_writable(image: str) -> Picture:
        if out is not None:
            check_folder(out)
        return read(image)

    refused = 0
    for outcome in outcomes(images, read_if_writable, prepare):
        if outcome.error is None:
            print(outcome.report, flush=True)
            continue
        refused += 1
        print(f"error: {outcome.error}", file=sys.stderr, flush=True)
        if as_json:
            print(json_line({"image": outcome.image, "error": str(outcome.error)}), flush=True)
    if refused:
        print(f"{refused} of {len(images)} pictures refused", file=sys.stderr)
    return 1 if refused else 0


def outcomes(
    images: Iterable[str], read: Callable[[str], Picture], prepare: Callable[[], Work]
) -> Iterator[Outcome]:
    """Call work(picture, image, stem) on each picture; what goes wrong becomes part of the stream.

    What prepare raises after a picture was read ends the batch, as does SetupError from anywhere:
    it is no picture's fault.
    """
    images = list(images)
    work: Work | None = None
    for image, stem in zip(images, stems(images), strict=True):
        try:
            picture = read(image)
        except Exception as error:
            yield Outcome(image, None, recorded(error, image))
            continue
        work = work or prepare()
        try:
            report = work(picture, image, stem)
        except Exception as error:
            yield Outcome(image, None, recorded(error, image))
            continue
        yield Outcome(image, report, None)


def recorded(error: Exception, image: str) -> EngineError:
    """The error as one picture's. Raises SetupError, and BrokenPipeError: the reader has left."""
    if isinstance(error, BrokenPipeError):
        raise error
    known = engine_error(error, image)
    if isinstance(known, SetupError):
        raise known from None
    return known


class Announcement:
    """Lines on stderr, printed at most once: when there is something that they are about."""

    def __init__(self, *lines: str):
        self._lines = lines

    def __call__(self) -> None:
        for line in self._lines:
            tqdm.write(line, file=sys.stderr)  # above a bar that is drawn
        self._lines = ()
