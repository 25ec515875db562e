"""JPEG: the cost of decoding, by its markers, and files that have lost only their end marker.

A decoder that is given less data than a picture needs fills the rest without a word, or takes
what follows, zeros or a film, for it. So without an end marker, whether every row is there is
found out by trial: the data is followed by an end marker, then by other bits and an end marker.
Bits that follow a whole picture change nothing in it; where some are missing, they are taken for
those.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from ...errors import ImageError
from .prepared import Prepared
from .tiff import check_tags

MAX_SEGMENTS = 600  # 255 of a colour profile, and as many of others
MAX_SCANNED = 2_000_000_000  # pixels × scans: 80 million pixels in 25 scans; encoders make 10
MAX_GAP = 1 << 16  # bytes between two segments, which Pillow skips one by one
MAX_TRIED = 50_000_000  # pixels of a picture that is decoded several times
COMPLETE = "end marker missing, every row there"
UNKNOWN = "end marker missing, so that the last rows may be wrong"
TEXT = bytes(range(32, 127)) + b"\r\n\t"
SOF = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
SOS, EOI, SOI = 0xDA, 0xD9, 0xD8
# Of the coded data: neither a stuffed byte, nor a restart marker, nor a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_FILLERS = (b"\xaa", b"\x55", b"\xff\x00")  # bits that decode to something, whatever the tables


@dataclass(frozen=True)
class Segment:
    """A marker and its content, bytes start…end of the file."""

    marker: int
    start: int
    end: int


def prepared(data: bytes, name: str) -> Prepared:
    """The file, its end marker restored. Raises ImageError: too much for its size, or cut."""
    scans, pixels, exif, before = 0, 0, [], 2
    for number, segment in enumerate(segments(data)):
        if number - scans >= MAX_SEGMENTS and not scans:
            raise ImageError(f"{name} has more than {MAX_SEGMENTS} segments: save it anew")
        if not scans and segment.start - before > MAX_GAP:
            raise ImageError(f"{name} is damaged (no marker in {MAX_GAP:,} bytes): get it again")
        before = segment.end
        content = data[segment.start : min(segment.end, segment.start + (1 << 16))]
        if segment.marker in SOF:
            height, width = content[1:3], content[3:5]
            pixels = int.from_bytes(height, "big") * int.from_bytes(width, "big")
        elif segment.marker == 0xE1 and content.startswith(b"Exif\0\0") and not scans:
            exif.append(content[6:])
        scans += segment.marker == SOS
        if scans * pixels > MAX_SCANNED:
            raise ImageError(
                f"{name} has {scans} scans or more of {pixels:,} pixels; the limit is "
                f"{MAX_SCANNED:,} pixels in all scans together: save it anew"
            )
    if exif:
        check_tags(b"".join(exif), name)
    ending = _MARKER.search(data, before)
    if not scans or (ending and ending[0][1] == EOI):
        return Prepared(data)
    return _restored(data, name)


def segments(data: bytes) -> Iterator[Segment]:
    """The segments up to the end marker, to the next picture, or to one that is cut."""
    at = 2
    while found := _MARKER.search(data, at):
        marker, start = found[0][1], found.end()
        length = int.from_bytes(data[start : start + 2], "big")
        at = start + length
        if marker in (EOI, SOI) or length < 2 or at > len(data):
            return
        yield Segment(marker, start + 2, at)


def _restored(data: bytes, name: str) -> Prepared:
    """The file with an end marker, where nothing else of its picture is missing.

    Where other data follows that begins nowhere in particular, the decoder decides. Raises
    ImageError where it begins before the picture's data is complete.
    """
    end = _followed(data)
    body = data[:end]
    body = body[: len(body) - body.endswith(b"\xff")]
    if _every_scan(body) and _whole(body):
        return Prepared(body + b"\xff\xd9", (COMPLETE,))
    if end is not None:
        raise ImageError(f"{name} is truncated (other data follows its first rows): get it again")
    return Prepared(data, (UNKNOWN,))


def _followed(data: bytes) -> int | None:
    """Where other data begins that can be recognised: zeros, text, a picture, film or archive."""
    ends = []
    zeros = len(data.rstrip(b"\0"))  # of a file that was given its length before its content
    if len(data) - zeros >= 4:
        ends.append(zeros + (data[zeros - 1] == 0xFF))  # a zero can also be stuffed
    text = len(data.rstrip(TEXT))  # of a bad download; the picture's last bytes may look like it
    if len(data) - text >= 16:
        line = re.search(rb"[\r\n]", data[text : text + 8])
        ends.append(text + (line.start() if line else 0))
    scan = max(part.end for part in segments(data) if part.marker == SOS)
    for start, back in ((b"\xff\xd8\xff", 0), (b"ftyp", 4), (b"PK\x03\x04", 0)):
        at = data.find(start, scan)  # another picture, a film, an archive
        if at >= scan + back:
            ends.append(at - back)
    return min(ends, default=None)


def _every_scan(data: bytes) -> bool:
    """Whether the scans cover every coefficient of every component to its last bit."""
    left: dict[tuple[int, int], int] = {}
    for part in segments(data):
        content = data[part.start : part.end]
        if part.marker in SOF and len(content) >= 6 + 3 * content[5]:
            names = content[6 : 6 + 3 * content[5] : 3]
            left = {(name, number): 1 for name in names for number in range(64)}
        elif part.marker == SOS and len(content) >= 4 + 2 * content[0]:
            first, last, bits = content[1 + 2 * content[0] :][:3]
            for name in content[1 : 1 + 2 * content[0] : 2]:
                left |= {(name, number): bits & 15 for number in range(first, min(last, 63) + 1)}
    return bool(left) and not any(left.values())


def _whole(body: bytes) -> bool:
    """Whether the pixels are the same, whatever bits follow the data."""
    before = _pixels(body + b"\xff\xd9")
    if before is None:
        return False
    restart = _next_restart(body)
    for filler in _FILLERS:
        bits = filler * 256
        # In what is left of an interval, and in a further one if the decoder waits for it.
        if _pixels(body + bits + restart + bits + b"\xff\xd9") != before:
            return False
    return True


def _next_restart(body: bytes) -> bytes:
    """The restart marker that would come next in the last scan; they are counted from 0 to 7."""
    scan = max(part.end for part in segments(body) if part.marker == SOS)
    last = max((body.rfind(bytes((0xFF, 0xD0 + number)), scan), number) for number in range(8))
    return bytes((0xFF, 0xD0 + (last[1] + 1) % 8 if last[0] >= 0 else 0xD0))


def _pixels(data: bytes) -> bytes | None:
    """A digest of the decoded pixels; None where they are too many or cannot be decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.size[0] * image.size[1] > MAX_TRIED:
                return None
            image.load()
            return hashlib.sha256(image.tobytes()).digest()
    except Exception:  # Pillow's decoders raise many kinds on damaged files
        return None
