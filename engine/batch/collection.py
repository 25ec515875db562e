"""The pictures that a command line names: files, folders, lists of them, standard input.

A folder's pictures keep their places below it, in the folder of results as in theirs; those of a
list keep the places that the list names. Two results never have one name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from ..errors import EngineError, ImageError, UsageError
from ..terminal.inputs import STDIN
from .manifest import results_of

LONGEST = 240  # bytes of a stem: with our suffixes a name stays within 255, most systems' limit
LIST = ".txt"
# How the files of a folder that are pictures end; others are passed over, and counted in a note.
PICTURES = (
    *(".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jpe", ".jpeg"),
    *(".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)


@dataclass(frozen=True)
class Item:
    """One picture: its name, where its results belong, or why it cannot be one.

    stem: the beginning of its results' paths below the folder of results, "holiday/cat".
    """

    image: str
    stem: str
    error: EngineError | None = None


@dataclass(frozen=True)
class Collection:
    """The pictures of a command line, in order.

    several: a folder or a list was named. notes: what was passed over.
    """

    items: tuple[Item, ...]
    several: bool = False
    notes: tuple[str, ...] = ()


def collect(operands: Iterable[str], out: Path | None = None) -> Collection:
    """What the operands name, folders recursively, each sorted by name.

    Nothing is opened but lists. out: the folder of results; it is no source of pictures. Raises
    UsageError where results would come among the pictures of a folder.
    """
    finder = Finder(out)
    placed = [each for operand in operands for each in finder.named(operand)]
    names = stems(place for _, place, _ in placed)
    items = (
        Item(image, stem, error) for (image, _, error), stem in zip(placed, names, strict=True)
    )
    return Collection(tuple(items), finder.several, tuple(finder.notes))


Placed = tuple[str, str, EngineError | None]  # image, stem as it would be, error


class Finder:
    """Goes through operands; notes what it passes over, and whether there may be many pictures."""

    def __init__(self, out: Path | None):
        self.out = None if out is None else os.path.realpath(out)
        self.several = False
        self.notes: list[str] = []

    def named(self, operand: str) -> Iterator[Placed]:
        """The pictures of one operand of a command line."""
        if operand == STDIN:
            yield operand, "stdin", None
        elif os.path.isdir(operand):
            self.several = True
            yield from self._below(operand, PurePath())
        elif operand.lower().endswith(LIST) and os.path.isfile(operand):
            self.several = True
            yield from self._listed(operand)
        else:
            yield operand, PurePath(operand).stem, None

    def _listed(self, path: str) -> Iterator[Placed]:
        """What a list names, a line each: paths as on the command line, folders too."""
        try:
            lines = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
        except OSError as error:
            refusal = f"{path} cannot be read ({error.strerror}): check its rights"
            yield path, PurePath(path).stem, ImageError(refusal)
            return
        names = [os.fsdecode(line) for line in lines if line.strip()]
        if not names:
            yield path, PurePath(path).stem, ImageError(f"{path} names no picture: one a line")
        for name in names:
            place = below_a_root(name)
            if os.path.isdir(name):
                yield from self._below(name, place)
            else:
                yield name, str(place.parent / place.stem), None

    def _below(self, root: str, place: PurePath) -> Iterator[Placed]:
        """The pictures of a folder. place: of the folder itself among the results."""
        errors: list[OSError] = []
        found, others = 0, 0
        for folder, inner, files in os.walk(root, onerror=errors.append):
            inner[:] = sorted(name for name in inner if self._enters(os.path.join(folder, name)))
            relative = place / os.path.relpath(folder, root)
            self._check_place(root, relative)
            for name in sorted(files):
                if name.startswith("."):
                    continue
                if PurePath(name).suffix.lower() not in PICTURES:
                    others += 1
                    continue
                found += 1
                yield os.path.join(folder, name), str(relative / PurePath(name).stem), None
            while errors:
                yield unreadable(errors.pop(), place)
        while errors:
            yield unreadable(errors.pop(), place)
        if others:
            files = "file" if others == 1 else "files"
            note = f"{root}: {others:,} {files} passed over, by their names no pictures"
            self.notes.append(note)
        if not found:
            refusal = f"{root} holds no file that is a picture by its name: {endings()}"
            yield root, str(place / "empty"), ImageError(refusal)

    def _enters(self, folder: str) -> bool:
        """Whether a folder inside another is gone through: none that is hidden, none of results."""
        if os.path.basename(folder).startswith(".") or os.path.realpath(folder) == self.out:
            return False
        if results_of(Path(folder)):
            self.notes.append(f"{folder} passed over: results of an earlier run")
            return False
        return True

    def _check_place(self, root: str, relative: PurePath) -> None:
        """Raise UsageError where the results of root / relative come among the pictures of root."""
        if self.out is None:
            return
        top = os.path.realpath(root)
        if self.out != top and is_within(self.out, top):
            return  # a folder of its own, which is not entered
        if is_within(os.path.normpath(os.path.join(self.out, relative)), top):
            raise UsageError(
                f"--out {self.out}: the results of {root} would come among its pictures, and be "
                "taken for pictures next time: choose another folder"
            )


def is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def unreadable(error: OSError, place: PurePath) -> Placed:
    """A folder that cannot be gone through, as a picture that is refused."""
    refusal = f"{error.filename} cannot be read ({error.strerror}): check its rights"
    return error.filename, str(place / "unreadable"), ImageError(refusal)


def endings() -> str:
    return ", ".join(sorted(PICTURES))


def below_a_root(name: str) -> PurePath:
    """A path without what leads out of a folder: its root, and each ".." at its beginning."""
    path = PurePath(os.path.normpath(name))
    parts = list(path.parts[1:] if path.anchor else path.parts)
    while parts and parts[0] == os.pardir:
        parts.pop(0)
    return PurePath(*parts)


def stems(places: Iterable[str]) -> list[str]:
    """A distinct path for each picture's results: cat, cat-2, …; a name that is too long is cut.

    Distinct also where a file system takes capitals and small letters for the same.
    """
    names: list[str] = []
    taken: set[str] = set()
    last: dict[str, int] = {}  # the number last given to a path
    for place in places:
        folder, base = os.path.split(place)
        name = os.path.join(folder, shortened(base, LONGEST))
        number = last.get(name.casefold(), 1)
        first = name
        while name.casefold() in taken:
            number += 1
            ending = f"-{number}"
            name = os.path.join(folder, shortened(base, LONGEST - len(ending)) + ending)
        last[first.casefold()] = number
        taken.add(name.casefold())
        names.append(name)
    return names


def shortened(name: str, longest: int) -> str:
    """As many whole characters of a name as have `longest` bytes on disk."""
    while len(os.fsencode(name)) > longest:
        name = name[:-1]
    return name
