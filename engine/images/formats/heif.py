"""HEIC, the phones' default, where `pillow-heif` is installed; and AVIF, in the same container."""

from __future__ import annotations

import io
import re

from PIL import ImageFile

from ...errors import ImageError
from .prepared import Prepared
from .tiff import check_tags

AVIF = {b"avif", b"avis"}
HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_EXIF = re.compile(rb"II\*\0|MM\0\*")  # where EXIF begins: Pillow reads it while it opens an AVIF


def prepared(data: bytes, name: str) -> Prepared:
    """The file as it is. Raises ImageError where its EXIF costs too much."""
    for found in _EXIF.finditer(data):
        check_tags(data[found.start() : found.start() + (1 << 20)], name)
    return Prepared(data)


def is_heif(data: bytes) -> bool:
    """Whether these are the bytes of a HEIC or another HEIF file, other than AVIF."""
    if data[4:8] != b"ftyp":
        return False
    box = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
    brands = {box[at : at + 4] for at in range(0, len(box), 4) if at != 4}  # at 4: a version
    return bool(brands & HEIF) and not brands & AVIF


def opened(data: bytes, name: str) -> ImageFile.ImageFile:
    """A HEIF file as a Pillow picture, upright. Raises ImageError without pillow-heif."""
    try:
        from pillow_heif.as_plugin import HeifImageFile
    except ImportError:
        raise ImageError(
            f"{name} is a HEIC picture: install pillow-heif to read it, or convert it to PNG"
        ) from None
    return HeifImageFile(io.BytesIO(data))
