"""The smallest file of a picture that a panel of classifiers still understands.

    from engine.compress import compress_photo
    result = compress_photo("photo.jpg")           # a CompressedPhoto, verified
    open("small.jpg", "wb").write(result.data)

`photo` goes from a picture to its result, `original` reads it with its file, `formats` encodes and
decodes; `kept` is what the panel, and eyes, must keep. `trials` verifies every file that a method
offers and keeps the smallest; `methods.rows` has a row for each method, `methods.bisect` is the
first; `jpeg` is a JPEG coefficient by coefficient. `names` is what a command line offers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .photo import CompressedPhoto, compress_photo

__all__ = ["CompressedPhoto", "compress_photo"]


def __getattr__(name: str):
    """Loaded when it is needed: a command line imports `names` alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import photo

    return getattr(photo, name)
