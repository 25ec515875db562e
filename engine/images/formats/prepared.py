"""A file made ready for its decoder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prepared:
    """data: the bytes to decode; notes: what was left out or repaired.

    size: (width, height) where it had to be read before opening; counted: the notes have the number
    of pictures; profile: a colour profile that was taken out of the bytes.
    """

    data: bytes
    notes: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    counted: bool = False
    profile: bytes | None = None


def first_of(pictures: int, cut: bool, more: bool = False) -> tuple[str, ...]:
    """The note on a file of which the first picture is taken. cut: the file ends in a later one."""
    if cut:
        return (f"the file is cut in picture {pictures + 1}; the first is whole",)
    if pictures > 1:
        return (f"first of {'more than ' if more else ''}{pictures} pictures",)
    return ()
