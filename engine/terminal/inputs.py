"""The pictures on a command line: files or standard input, and names for their output files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ..errors import ImageError
from ..images.picture import MAX_BYTES, Picture, decode, read_file

STDIN = "-"  # in place of a path: the picture comes on standard input
LONGEST = 240  # bytes of a stem: with our suffixes a name stays within 255, most systems' limit


def read(image: str) -> Picture:
    """A picture file, or standard input where the name is "-". Raises ImageError."""
    return decode(read_bytes(image), title(image))


def read_bytes(image: str) -> bytes:
    """The bytes of a picture file, or of standard input as in `read`. Raises ImageError."""
    if image != STDIN:
        return read_file(image)
    if sys.stdin is None or sys.stdin.isatty():
        raise ImageError("- is standard input, and nothing is piped into it: name a picture file")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageError(f"standard input has more than {MAX_BYTES:,} bytes: scale it down first")
    return data


def title(image: str) -> str:
    """A picture's name in a message."""
    return "standard input" if image == STDIN else image


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
