"""Pictures of visitors are decoded in a worker: a decoder that fails does not end the server."""

from __future__ import annotations

from engine.images.picture import Picture, decode

from .calls import in_worker


@in_worker
def decoded(data: bytes, name: str, max_pixels: int) -> Picture:
    """The picture in a file's bytes. Raises ImageError."""
    return decode(data, name, max_pixels=max_pixels)
