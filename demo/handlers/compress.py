"""A photo in, the smallest file that classifiers still understand out, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

from engine.arguments import check_choice
from engine.compress.formats import FORMATS
from engine.compress.names import FILE_FORMATS, METHOD_NAMES
from engine.compress.original import Original
from engine.compress.photo import Compression, steps
from engine.compress.result import CompressedPhoto
from engine.errors import SetupError, UsageError
from engine.panels.own import load_panel
from engine.system.progress import Progress

PANEL = "photos"  # a small picture is enlarged for it
# In words; a method that is not among them has its name.
METHOD_WORDS = {
    "bisect": "bisect: the codec's settings only",
    "jnd": "jnd: steps of twice the JND, JPEG only",
    "search": "search: what is encoded as well",
    "faithful": "faithful: the same, closer to the photo",
}
USUAL = (
    "search" if find_spec("torch") else "bisect"
)  # what needs no gradients, where there are none
METHODS = tuple((METHOD_WORDS.get(name, name), name) for name in METHOD_NAMES)
KEEPS = (
    ("its label", "top1"),
    ("its label among the five most likely", "top5"),
    ("its label, with half of the probability", "confidence:0.5"),
    ("its label, with 80 % of the probability", "confidence:0.8"),
)


@cache
def formats() -> tuple[str, ...]:
    """Names of the formats that can be written here."""

    def available(name: str) -> bool:
        try:
            FORMATS[name].check_available()
        except SetupError:
            return False
        return True

    return tuple(filter(available, FILE_FORMATS))


def compress(
    original: Original, *, format: str, method: str, keep: str, seconds: float, most: float
) -> Iterator[Progress | CompressedPhoto]:
    """Its progress, then the verified file. Raises EngineError, before anything is loaded.

    format: of `formats()`; method, keep: as `engine.compress.photo.compress_photo` takes them;
    seconds: the longest search, above 0 and at most `most`.
    """
    check_choice("format", format, formats())
    if not 0 < seconds <= most:
        raise UsageError(f"{seconds:g} seconds: give more than 0, at most {most:g}")
    chosen = Compression(format, method, keep, max_seconds=seconds)
    chosen.check()
    yield from steps(load_panel(PANEL), original, chosen)
