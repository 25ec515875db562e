"""PNG: only the chunks that decide about pixels reach the decoder.

Pillow refuses a whole file for a long text, a large colour profile or a wrong checksum in a chunk
that it could do without. Here such chunks are left out, and the profile is taken out, within
bounds of its own.
"""

from __future__ import annotations

import zlib

from ...errors import ImageError, printable
from .prepared import Prepared

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 100_000
MAX_PROFILE = 16 << 20  # of bytes, inflated: the largest printer profiles have 4 MB
MAX_TEXT = 1 << 20  # of bytes, inflated: what Pillow takes; longer ones are left out with a note
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
KEPT = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")
MAX_TURNING = 1 << 17  # of bytes, inflated: EXIF of a length that a camera writes, in hexadecimal
TURNING = (b"Raw profile type exif", b"XML:com.adobe.xmp")  # texts that may hold an orientation


def prepared(data: bytes, name: str) -> Prepared:
    """The file without the chunks that are not needed. Raises ImageError: too many chunks."""
    pieces, notes, profile = [SIGNATURE], {}, None
    at, chunks = len(SIGNATURE), 0
    while at + 12 <= len(data):
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise ImageError(f"{name} has more than {MAX_CHUNKS:,} chunks: save it anew")
        if end > len(data):
            break
        content = memoryview(data)[at + 8 : end - 4]
        if not kind[0] & 0x20:  # needed by every decoder: its checksum counts
            pieces.append(data[at:end])
        elif zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            notes[f"{printable(kind.decode('latin-1'))} ignored: wrong checksum"] = None
        elif kind == b"iCCP" and profile is None:
            profile, note = _profile(bytes(content))
            notes |= dict.fromkeys(note)
        elif kind in TEXTS:
            if _turning(kind, content):
                pieces.append(data[at:end])
            elif len(content) > MAX_TEXT:
                notes[f"text of {len(content):,} bytes ignored"] = None
        elif kind in KEPT:
            pieces.append(data[at:end])
        at = end
        if kind == b"IEND":
            return Prepared(b"".join(pieces), tuple(notes), profile=profile)
    pieces.append(data[at:])  # a cut file: the decoder decides whether pixels are missing
    return Prepared(b"".join(pieces), tuple(notes), profile=profile)


def _profile(content: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    """The colour profile of an iCCP chunk: a name, 0, a method, the deflated profile."""
    _, _, packed = content.partition(b"\0")
    try:
        inflater = zlib.decompressobj()
        profile = inflater.decompress(packed[1:], MAX_PROFILE)
    except zlib.error:
        return None, ("unusable colour profile ignored",)
    if inflater.unconsumed_tail:
        return None, (f"colour profile of more than {MAX_PROFILE:,} bytes ignored",)
    return profile, (f"colour profile of {len(profile):,} bytes",) * (len(profile) > MAX_TEXT)


def _turning(kind: bytes, content: memoryview) -> bool:
    """Whether a text may hold an orientation, and is short enough to be read."""
    keyword, _, rest = bytes(content[: MAX_TURNING + 1]).partition(b"\0")
    if (
        keyword not in TURNING
        or len(content) > MAX_TURNING
        or (kind == b"iTXt" and rest[:1] != b"\0")
    ):
        return False
    if kind != b"zTXt":
        return True
    try:
        inflater = zlib.decompressobj()
        inflater.decompress(rest[1:], MAX_TURNING)
    except zlib.error:
        return False
    return not inflater.unconsumed_tail
