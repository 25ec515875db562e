"""What each file format needs before its decoder may see it: bounds on cost, and small repairs.

A file of a few kilobytes can name more directories, scans, pictures or pixels than a computer
has time or memory for. What decides that is read here, from the bytes, before decoding.
"""

from __future__ import annotations

from . import gif, heif, jpeg, png, tiff, webp
from .prepared import Prepared


def prepared(data: bytes, name: str) -> Prepared:
    """The bytes of a file as its decoder gets them. Raises ImageError; `name` is used in it."""
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg.prepared(data, name)
    if data.startswith(png.SIGNATURE):
        return png.prepared(data, name)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return gif.prepared(data)
    if data.startswith(tiff.SIGNATURES):
        return tiff.prepared(data, name)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp.prepared(data)
    if data[4:8] == b"ftyp":
        return heif.prepared(data, name)
    return Prepared(data)
