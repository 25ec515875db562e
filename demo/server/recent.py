"""The photos that were decoded last, for the next event of the same page.

Choosing a photo, checking it and cloaking it are events of their own, each with the upload's path:
without this each would decode it again. What is kept is bounded in bytes and in time, and is never
looked up by anything but the whole content of a file that the visitor may open.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from engine.images.picture import Picture

BYTES = 320_000_000  # two of the largest photos
SECONDS = 120.0


class RecentPictures:
    """Decoded pictures by the digest of their files. May be used from several threads."""

    def __init__(self, limit: int = BYTES, age: float = SECONDS):
        self._limit, self._age, self._lock = limit, age, Lock()
        self._pictures: OrderedDict[tuple, tuple[float, Picture]] = OrderedDict()

    def picture(self, data: bytes, max_pixels: int, decode: Callable[[], Picture]) -> Picture:
        """The picture in a file, by `decode` where it is not kept. Raises as that does."""
        key = hashlib.sha256(data).digest(), max_pixels
        self.forget()
        with self._lock:
            known = self._pictures.get(key)
        picture = decode() if known is None else known[1]
        with self._lock:
            self._pictures[key] = time.monotonic(), picture
            self._pictures.move_to_end(key)
            while sum(each.pixels.nbytes for _, each in self._pictures.values()) > self._limit:
                self._pictures.popitem(last=False)
        return picture

    def forget(self) -> None:
        """Drop what was not used for a while."""
        until = time.monotonic() - self._age
        with self._lock:
            for key, (used, _) in list(self._pictures.items()):
                if used <= until:
                    del self._pictures[key]
