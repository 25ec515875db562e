"""The picture that is to become smaller, with the file it is in."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..images.formats import heif
from ..images.picture import Picture, as_picture, decode, encode_png, read_file

# How a file begins -> (its format's name in a report, the suffix of a file's name).
BEGINNINGS = (
    (b"\xff\xd8\xff", "jpeg", ".jpg"),
    (b"\x89PNG", "png", ".png"),
    (b"GIF8", "gif", ".gif"),
    (b"BM", "bmp", ".bmp"),
    (b"II", "tiff", ".tif"),
    (b"MM", "tiff", ".tif"),
    (b"RIFF", "webp", ".webp"),
    (b"P", "ppm", ".ppm"),
)


@dataclass(frozen=True)
class Original(Picture):
    """A decoded picture and its file.

    data: the file's bytes; kind: its format, as "jpeg"; suffix: of a file's name, as ".jpg".
    """

    data: bytes = b""
    kind: str = "png"
    suffix: str = ".png"


def original_of(image: object) -> Original:
    """A path, or a picture as `engine.images.picture.as_picture` takes it -> `Original`.

    The file of a picture in memory is a PNG. Raises ImageError.
    """
    if isinstance(image, Original):
        return image
    if isinstance(image, (str, os.PathLike)):
        return from_file(read_file(image), os.fspath(image))
    picture = as_picture(image)
    note = "it came without a file: its bytes are those of a PNG"
    return Original(picture.pixels, (*picture.notes, note), data=encode_png(picture.pixels))


def from_file(data: bytes, name: str) -> Original:
    """The bytes of a picture file, and its name for errors -> `Original`. Raises ImageError."""
    picture = decode(data, name)
    kind, suffix = kind_of(data)
    return Original(
        picture.pixels, picture.notes, data=data, kind=kind, suffix=suffix, saving=picture.saving
    )


def kind_of(data: bytes) -> tuple[str, str]:
    """Format and suffix of a picture file that could be decoded."""
    if data[4:8] == b"ftyp":
        return ("heic", ".heic") if heif.is_heif(data) else ("avif", ".avif")
    return next(
        (kind, suffix) for beginning, kind, suffix in BEGINNINGS if data.startswith(beginning)
    )
