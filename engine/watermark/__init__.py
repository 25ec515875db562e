"""A watermark under the threshold: a payload that a picture carries, read without the original.

    from engine.watermark import embed_watermark, read_watermark
    marked = embed_watermark("photo.jpg", "© me", key="secret")   # a WatermarkedPhoto, verified
    read_watermark("copy.jpg", key="secret").payload              # "© me", or None

`signal` is the format: `key` makes every choice a secret one, `message` makes the payload a
codeword, `carriers` makes that a pattern, which repeats over the picture, and `spectrum` looks for
it. `threshold` gives its strength at each place and `reader` reads it; `changes` are those that a
file is tested with; `fitting` finds the least strength that survives them, `labels` are those of a
panel; `photo` goes from a picture to its `result`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .photo import WatermarkedPhoto, embed_watermark
    from .reader import Reading, read_watermark

_HOMES = {
    "Reading": "reader",
    "WatermarkedPhoto": "photo",
    "embed_watermark": "photo",
    "read_watermark": "reader",
}
__all__ = ["Reading", "WatermarkedPhoto", "embed_watermark", "read_watermark"]


def __getattr__(name: str):
    """Loaded when it is needed: a command line imports `names` alone."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
