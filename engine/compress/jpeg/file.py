"""Quantised coefficients written as a standard progressive JPEG with optimal Huffman tables.

One scan for the means of all blocks (DC), then one per plane for the rest (AC), at full accuracy.
A run of blocks without further coefficients costs a few bits in such a scan, against some for
every block of a sequential JPEG; no library at hand writes given coefficients that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

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
    found = differences([plane[:, :, 0] for plane in planes], halved)
    which, sequence = [n for n, _ in found], [sized(0, value) for _, value in found]
    shared = smaller(
        [
            [each for each, n in zip(sequence, which, strict=True) if n == own]
            for own in range(len(planes))
        ]
    )
    heads = b"".join(bytes([n]) + each.payload for n, each in enumerate(shared))
    last = len(shared) - 1
    components = [(n + 1, min(n, last) << 4) for n in range(len(planes))]
    return (
        segment(0xC4, heads)
        + scan(components, 0, 0)
        + packed(sequence, (shared[min(n, last)] for n in which))
    )


def smaller(sequences: list[list[Symbol]]) -> list[Table]:
    """One table for all planes, or one for Y and one for chroma, where that is smaller."""
    choices = [[list(chain(*sequences))]]
    if len(sequences) > 1:
        choices.append([sequences[0], list(chain(*sequences[1:]))])
    made = [[table(each) for each in choice] for choice in choices]
    sizes = [
        sum(
            8 * len(own.payload) + 8 + own.bits(part)
            for own, part in zip(tables, parts, strict=True)
        )
        for tables, parts in zip(made, choices, strict=True)
    ]
    return made[sizes.index(min(sizes))]


def differences(planes: list[np.ndarray], halved: bool) -> list[tuple[int, int]]:
    """The means of rows×columns blocks in their order in a scan: plane, and change from before.

    Where a plane ends within a group of blocks, those beyond have the mean of the one before.
    """
    changes, which = [], []
    for n, plane in enumerate(planes):
        side = 2 if halved and n == 0 else 1
        margins = [(0, -each % side) for each in plane.shape]
        values, inside = np.pad(plane, margins), np.pad(np.ones(plane.shape, bool), margins)
        rows, columns = (each // side for each in values.shape)
        values, inside = (
            each.reshape(rows, side, columns, side).transpose(0, 2, 1, 3).reshape(-1, side * side)
            for each in (values, inside)
        )
        change = np.zeros_like(values)
        change[inside] = np.diff(values[inside], prepend=0)
        changes.append(change)
        which += [n] * change.shape[1]
    whole = np.concatenate(changes, 1)
    return list(zip(which * len(whole), whole.ravel().tolist(), strict=True))


def rests(planes: list[np.ndarray]) -> list[bytes]:
    """The scans of all but the means, and their tables."""
    sequences = [runs(plane[:, :, 1:].reshape(-1, 63)) for plane in planes]
    tables = smaller(sequences)
    heads = b"".join(bytes([0x10 | n]) + own.payload for n, own in enumerate(tables))
    parts = [segment(0xC4, heads)]
    for n, sequence in enumerate(sequences):
        which = min(n, len(tables) - 1)
        parts.append(scan([(n + 1, which)], 1, 63))
        parts.append(packed(sequence, [tables[which]] * len(sequence)))
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
