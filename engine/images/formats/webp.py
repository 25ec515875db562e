"""WebP: its size, before libwebp makes room for it, and animations cut in a later picture."""

from __future__ import annotations

from collections.abc import Iterator

from .prepared import Prepared, first_of


def prepared(data: bytes) -> Prepared:
    """The file; of an animation that is cut after its first picture, what is whole."""
    size = _size(data)
    if len(data) >= 8 + int.from_bytes(data[4:8], "little") or data[12:16] != b"VP8X":
        return Prepared(data, size=size)
    chunks = list(_chunks(data))
    pictures = sum(kind == b"ANMF" for kind, _ in chunks)
    if not pictures:
        return Prepared(data, size=size)
    end = chunks[-1][1]
    whole = b"RIFF" + (end - 8).to_bytes(4, "little") + data[8:end]
    return Prepared(whole, first_of(pictures, cut=True), size, counted=True)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """(kind, where it ends) of each whole chunk."""
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        if end > len(data):
            return
        yield data[at : at + 4], end
        at = end


def _size(data: bytes) -> tuple[int, int] | None:
    """(width, height) of the canvas, as the first chunk has it."""
    kind, head = data[12:16], data[20:30]
    if len(head) < 10:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    bits = int.from_bytes(head[6:10], "little")
    return bits & 0x3FFF, bits >> 16 & 0x3FFF
