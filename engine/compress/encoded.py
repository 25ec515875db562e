"""A picture as the bytes of a file, and how it was encoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Encoded:
    """An encoded picture.

    data: the file's bytes; format: a name of `engine.compress.formats.FORMATS`; settings: what it
    was encoded with, as JSON has it.
    """

    data: bytes
    format: str
    settings: dict
