"""TIFF, and EXIF, which is built like it: directories of tags, each with its data elsewhere.

Two things make a small file costly: a long chain of directories, which Pillow reads in a time that
grows with its square, and thousands of tags that all name the same large stretch of the file.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from functools import cache

from PIL import Image

from ...errors import ImageError
from .prepared import Prepared, first_of

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_DIRECTORIES = 100_000
SHARED = 1 << 16  # bytes that tags may name more than once: two resolutions, one number
LINKS = {0x8769, 0x8825, 0xA005, 0x014A}  # EXIF, GPS, interoperability, further directories
ORIENTATION = 0x0112
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}


def prepared(data: bytes, name: str) -> Prepared:
    """The file as it is, its pictures counted. Raises ImageError where its tags cost too much."""
    check_tags(data, name)
    silence()
    pictures = sum(1 for _ in _chain(data))
    note = first_of(pictures, cut=False, more=pictures == MAX_DIRECTORIES)
    return Prepared(data, note, counted=True)


def check_tags(block: bytes, name: str) -> None:
    """Raise ImageError where the tags of a TIFF or EXIF block name more bytes than it has."""
    starts, seen, named = [_first(block)], set(), 0
    while starts:
        at = starts.pop()
        if at in seen or len(seen) > 64:
            continue
        seen.add(at)
        for tag, size, value in _tags(block, at):
            named += size
            if tag in LINKS:
                starts.append(value)
            if named > len(block) + SHARED:
                raise ImageError(
                    f"{name} is damaged (its tags name more than the {len(block):,} bytes there "
                    "are): save it anew in an image editor"
                )


def _order(block: bytes) -> tuple[str, bool]:
    """Byte order for struct, and whether offsets have 64 bits."""
    return "<" if block[:1] == b"I" else ">", 43 in block[2:4]


def _first(block: bytes) -> int:
    order, big = _order(block)
    field = block[8:16] if big else block[4:8]
    return struct.unpack(order + "QL"[not big], field)[0] if len(field) == (4, 8)[big] else 0


def _entries(block: bytes, at: int) -> tuple[bytes, int]:
    """The bytes of a directory's entries, and where they end; empty outside the block."""
    order, big = _order(block)
    head = block[at : at + (8 if big else 2)]
    if not at or len(head) < (8 if big else 2):
        return b"", len(block)
    length = struct.unpack(order + "QH"[not big], head)[0] * (20 if big else 12)
    end = at + len(head) + length
    return block[at + len(head) : end], end


def _tags(block: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """(tag, bytes of its data outside the directory, its value or offset) of each entry."""
    order, big = _order(block)
    layout, inside = (order + "HHQQ", 8) if big else (order + "HHLL", 4)
    entries, _ = _entries(block, at)
    whole = len(entries) - len(entries) % struct.calcsize(layout)
    for tag, kind, count, value in struct.iter_unpack(layout, entries[:whole]):
        size = count * SIZES.get(kind, 0)
        # Data that reaches beyond the block is never read.
        outside = size if inside < size <= len(block) - value else 0
        yield tag, outside, value
        if tag in LINKS and outside:  # a list of directories
            step = SIZES[kind]
            for place in range(value, min(value + size, value + 64 * step), step):
                number = block[place : place + step]
                yield tag, 0, int.from_bytes(number, "little" if order == "<" else "big")


def _chain(block: bytes) -> Iterator[int]:
    """Where each directory of the chain begins, up to the first that was there before."""
    order, big = _order(block)
    at, seen = _first(block), set()
    while 0 < at < len(block) and at not in seen and len(seen) < MAX_DIRECTORIES:
        yield at
        seen.add(at)
        _, end = _entries(block, at)
        field = block[end : end + (8 if big else 4)]
        if len(field) < (8 if big else 4):
            return
        at = struct.unpack(order + "QL"[not big], field)[0]


@cache
def silence() -> None:
    """Keep libtiff from writing its own lines to stderr; Pillow raises what matters anyway.

    The library that Pillow's own module is linked with is found through that module. Where it
    cannot be reached, the lines stay.
    """
    try:
        library = ctypes.CDLL(Image.core.__file__)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)
    except (AttributeError, OSError):
        pass
