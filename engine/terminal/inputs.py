"""A picture by its name on a command line: a file, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ImageError
from ..images.picture import MAX_BYTES, Picture, decode, read_file

STDIN = "-"  # in place of a path: the picture comes on standard input


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


@contextmanager
def named(image: str) -> Iterator[None]:
    """Let an ImageError from within begin with the picture's name, as errors of reading do."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{title(image)}: {error}") from None


def title(image: str) -> str:
    """A picture's name in a message."""
    return "standard input" if image == STDIN else image
