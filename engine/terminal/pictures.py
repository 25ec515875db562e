"""A batch on the command line: results on stdout, refusals on stderr, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from ..errors import ImageError
from ..images.picture import MAX_BYTES, Picture, decode, open_image
from ..system.files import check_folder
from . import batch
from .streams import json_line


def read(image: str) -> Picture:
    """A picture file, or standard input where the name is "-". Raises ImageError."""
    if image != batch.STDIN:
        return open_image(image)
    if sys.stdin is None or sys.stdin.isatty():
        raise ImageError("- is standard input, and nothing is piped into it: name a picture file")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageError(f"standard input has more than {MAX_BYTES:,} bytes: scale it down first")
    return decode(data, "standard input")


def each(
    images: list[str],
    prepare: Callable[[], Callable[[Picture, str, str], str]],
    out: Path,
    *,
    as_json: bool,
) -> int:
    """Print work(picture, image, stem) of every picture; a bad one is recorded, the rest goes on.

    prepare gives `work`, once a picture was read. out: where work leaves files; where it cannot,
    a picture is refused before work begins.
    Returns 0, or 1 where a picture was refused; with as_json that is {image, error} on stdout too.
    """

    def placed(image: str) -> Picture:
        check_folder(out)
        return read(image)

    refused = 0
    for done in batch.run(images, placed, prepare):
        if done.error is not None:
            refused += 1
            print(f"error: {done.error}", file=sys.stderr, flush=True)
            if as_json:
                print(json_line({"image": done.image, "error": str(done.error)}), flush=True)
        else:
            print(done.result, flush=True)
    if refused:
        print(f"{refused} of {len(images)} pictures refused", file=sys.stderr)
    return 1 if refused else 0


class Announced:
    """A line on stderr, printed at most once: when there is something that it is about."""

    def __init__(self, *lines: str):
        self._lines = lines

    def __call__(self) -> None:
        for line in self._lines:
            tqdm.write(line, file=sys.stderr)  # above a bar that is drawn
        self._lines = ()
