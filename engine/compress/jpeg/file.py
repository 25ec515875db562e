"""Quantised coefficients written as a standard progressive JPEG with optimal Huffman tables.

One scan for the means of all blocks (DC), then one per plane for the rest (AC), at full accuracy.
A run of blocks without further coefficients costs a few bits in such a scan, against some for
every block of a sequential JPEG; no library at hand writes given coefficients that way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .huffman import Symbol, Table, packed, table
from .layout import Layout, Planes
from .tables import ZIGZAG

JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
LONGEST_RUN = 0x7FFF  # of blocks without further coefficients


def written(coefficients: Planes, tables: Sequence[np.ndarray], layout: Layout) -> bytes:
    """Quantised coefficients -> a file.

    coefficients: whole numbers Y, Cb, Cr, each rows×columns×8×8; tables: int 8×8 in 1…255 of Y
    and of chroma. Where chroma is zero, the file is a grey one; equal tables are written once.
    """
    grey = not any(plane.any() for plane in coefficients[1:])
    planes = [
        np.rint(plane).astype(int).reshape(*plane.shape[:2], 64)[:, :, ZIGZAG]
        for plane in coefficients[: 1 if grey else 3]
    ]
    halved = layout.halved and not grey
    own = [tables[0]] if grey or np.array_equal(*tables) else list(tables)
    parts = [b"\xff\xd8", segment(0xE0, JFIF)]
    parts.append(
        segment(0xDB, b"".join(bytes([n]) + bytes(each.ravel()[ZIGZAG]) for n, each in steps(own)))
    )
    frame = bytes([8]) + layout.height.to_bytes(2, "big") + layout.width.to_bytes(2, "big")
    frame += bytes([len(planes)])
    for n in range(len(planes)):
        frame += bytes([n + 1, 0x22 if halved and n == 0 else 0x11, min(n, len(own) - 1)])
    parts.append(segment(0xC2, frame))
    parts.append(means(planes, halved))
    parts += rests(planes)
    return b"".join([*parts, b"\xff\xd9"])


def steps(tables: list[np.ndarray]) -> enumerate:
    """The tables with their numbers, as bytes."""
    return enumerate(each.astype(np.uint8) for each in tables)


def segment(marker: int, payload: bytes) -> bytes:
    """A marker with its payload."""
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def scan(components: Sequence[tuple[int, int]], first: int, last: int) -> bytes:
    """The head of a scan of coefficients first…last: of each component its number and table."""
    payload = bytes([len(components)])
    payload += b"".join(bytes(component) for component in components)
    return segment(0xDA, payload + bytes([first, last, 0]))


def means(planes: list[np.ndarray], halved: bool) -> bytes:
    """The scan of the means, and its tables."""
    sequence, which = [], []
    for plane, value in differences([plane[:, :, 0] for plane in planes], halved):
        sequence.append(sized(0, value))
        which.append(min(plane, 1))
    tables = [table(each for each, n in zip(sequence, which, strict=True) if n == own)
              for own in sorted(set(which))]
    heads = b"".join(bytes([n]) + each.payload for n, each in enumerate(tables))
    components = [(n + 1, min(n, 1) << 4) for n in range(len(planes))]
    return segment(0xC4, heads) + scan(components, 0, 0) + packed(
        sequence, (tables[n] for n in which)
    )


def differences(planes: list[np.ndarray], halved: bool) -> list[tuple[int, int]]:
    """The means of rows×columns blocks in their order in a scan: plane, and change from before."""
    side = 2 if halved else 1
    found, before = [], [0] * len(planes)
    rows, columns = (-(-each // side) for each in planes[0].shape)
    for row in range(rows):
        for column in range(columns):
            for n, plane in enumerate(planes):
                part = side if n == 0 else 1
                for at in np.ndindex(part, part):
                    place = row * part + at[0], column * part + at[1]
                    inside = place[0] < plane.shape[0] and place[1] < plane.shape[1]
                    value = int(plane[place]) if inside else before[n]
                    found.append((n, value - before[n]))
                    before[n] = value
    return found


def rests(planes: list[np.ndarray]) -> list[bytes]:
    """The scans of all but the means, and their tables: one for Y, one for both of chroma."""
    sequences = [runs(plane[:, :, 1:].reshape(-1, 63)) for plane in planes]
    luma = table(sequences[0])
    tables: list[Table] = [luma, *[table(sum(sequences[1:], []))] * (len(planes) - 1)]
    parts = []
    for n, (sequence, own) in enumerate(zip(sequences, tables, strict=True)):
        if n < 2:
            parts.append(segment(0xC4, bytes([0x10 | n]) + own.payload))
        parts.append(scan([(n + 1, min(n, 1))], 1, 63))
        parts.append(packed(sequence, [own] * len(sequence)))
    return parts


def runs(blocks: np.ndarray) -> list[Symbol]:
    """Blocks×63 in zigzag order -> the symbols of a scan: zeros before a value, blocks that end."""
    sequence: list[Symbol] = []
    ended, block, place = 0, 0, 0  # blocks that have ended but are not written; where it stands

    def close() -> None:
        nonlocal ended
        while ended:
            part = min(ended, LONGEST_RUN)
            bits = part.bit_length() - 1
            sequence.append((bits << 4, part - (1 << bits), bits))
            ended -= part

    for at, k in zip(*(each.tolist() for each in blocks.nonzero()), strict=True):
        if at != block:
            ended += at - block - (place == 63)
            block, place = at, 0
        if place == 0:
            close()
        gap = k - place
        sequence += [(0xF0, 0, 0)] * (gap // 16)
        sequence.append(sized(gap % 16, int(blocks[at, k])))
        place = k + 1
    ended += len(blocks) - block - (place == 63)
    close()
    return sequence


def sized(gap: int, value: int) -> Symbol:
    """A value after a gap of zeros: the symbol of both, and the value's own bits."""
    bits = abs(value).bit_length()
    return (gap << 4) | bits, value if value >= 0 else value + (1 << bits) - 1, bits
