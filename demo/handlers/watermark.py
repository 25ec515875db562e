"""A payload into a photo, and out of it again."""

from __future__ import annotations

from collections.abc import Iterator

from engine.arguments import check_choice
from engine.errors import UsageError
from engine.images.picture import Picture
from engine.machine.jnd import panel_for
from engine.models.registry import AUTO
from engine.panels.own import load_panel
from engine.system.progress import Progress
from engine.watermark import photo
from engine.watermark.names import FORMATS, OBSERVERS, OPEN_KEY
from engine.watermark.reader import Reading
from engine.watermark.reader import steps as reading_steps
from engine.watermark.result import WatermarkedPhoto
from engine.watermark.signal.key import key_of
from engine.watermark.signal.message import LONGEST, payload_of

LONGEST_KEY = 200  # characters
OBSERVER_WORDS = {"human": "people: it is invisible", "machine": "machines: more robust, visible"}


def key_in(phrase: str | None) -> str:
    """The phrase, or the one that everybody has where there is none. Raises UsageError."""
    phrase = phrase or OPEN_KEY
    if not isinstance(phrase, str) or len(phrase) > LONGEST_KEY:
        raise UsageError(f"key: give a text of at most {LONGEST_KEY} characters")
    return phrase


def embed(
    picture: Picture, text: str, *, key: str | None, observer: str, format: str
) -> Iterator[Progress | WatermarkedPhoto]:
    """Its progress, then the verified file. Raises EngineError.

    text: 1 to 32 bytes of UTF-8; key: a phrase, None or empty for everybody's; observer: of
    `OBSERVERS`, from whom it is hidden; format: of `FORMATS`.
    """
    if not isinstance(text, str) or not text:
        raise UsageError(f"Write a text first, up to {LONGEST} bytes")
    check_choice("observer", observer, OBSERVERS)
    chosen = photo.Watermark(payload_of(text), key_in(key), observer, format=format)
    chosen.check()
    names = photo.panels_for(observer, AUTO)
    panel = load_panel(panel_for(picture.size, names)) if names else None
    yield from photo.steps(picture, chosen, panel)


def read(picture: Picture, *, key: str | None, thorough: bool) -> Iterator[Progress | Reading]:
    """Its progress, then what the picture says under this key. Raises UsageError.

    thorough: look at every scale (`engine.watermark.reader.read_watermark`).
    """
    phrase = key_of(key_in(key))
    yield from reading_steps(picture.pixels, phrase, thorough=thorough, notes=picture.notes)


__all__ = ["FORMATS", "OBSERVERS", "OBSERVER_WORDS", "embed", "read"]
