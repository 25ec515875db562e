"""GIF: how many pictures there are, and whether the file is cut after the first.

Pillow finds that out by reading every one of them, and fails where a later one is cut.
"""

from __future__ import annotations

from .prepared import Prepared, first_of

MAX_STEPS = 1_000_000  # blocks walked: half a second


def prepared(data: bytes) -> Prepared:
    """The file as it is, with a note on its pictures."""
    pictures, cut, more = count(data)
    return Prepared(data, first_of(pictures, cut and pictures > 0, more), counted=True)


def count(data: bytes) -> tuple[int, bool, bool]:
    """Whole pictures; whether the data ends within a block; whether not all was walked."""
    pictures = steps = 0
    picture = True
    try:
        at = 13 + _table(data[10])
        while at < len(data) and data[at] in b"!,":
            picture = data[at] == 0x2C  # its place, its flags, a table, the size of its codes
            at += 10 + _table(data[at + 9]) + 1 if picture else 2
            while size := data[at]:  # sub-blocks, up to an empty one
                at += size + 1
                steps += 1
            at += 1
            steps += 1
            pictures += picture
            if steps > MAX_STEPS:
                return pictures, False, True
    except IndexError:
        return pictures, True, False
    return pictures, at >= len(data) and not picture, False  # nothing after what belongs to one


def _table(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 128 else 0
