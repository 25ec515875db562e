"""A key: every secret choice is made of it by SHAKE-256, so that it is the same on any machine.

The generators of random numbers of a library may draw others in its next version; a watermark must
be readable for longer than that.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

import numpy as np

from ...errors import UsageError

SALT = b"just-noticeable watermark 1"  # the version of the format
ROUNDS = 100_000  # of PBKDF2: what one guess at a short phrase costs
TAG = 4  # bytes: a wrong key, or no watermark, agrees with it once in 2^32 attempts


class Key:
    """The secret of a phrase. Raises UsageError for one that is empty or no text."""

    def __init__(self, phrase: str):
        if not isinstance(phrase, str) or not phrase:
            raise UsageError(f"key {phrase!r}: give a text of one character or more")
        text = phrase.encode("utf-8", "surrogateescape")
        self.secret = hashlib.pbkdf2_hmac("sha256", text, SALT, ROUNDS)

    def stream(self, purpose: str, count: int) -> bytes:
        """So many bytes, others for each purpose."""
        return hashlib.shake_256(self.secret + purpose.encode()).digest(count)

    def order(self, purpose: str, count: int) -> np.ndarray:
        """The numbers 0…count-1 in an order of the key's: int64."""
        drawn = np.frombuffer(self.stream(purpose, 8 * count), "<u8")
        return np.argsort(drawn, kind="stable")

    def signs(self, purpose: str, count: int) -> np.ndarray:
        """±1, int8."""
        drawn = np.frombuffer(self.stream(purpose, count), np.uint8)
        return (1 - 2 * (drawn & 1).astype(np.int8)).astype(np.int8)

    def phases(self, purpose: str, count: int) -> np.ndarray:
        """Complex numbers of magnitude 1: complex128."""
        drawn = np.frombuffer(self.stream(purpose, 2 * count), "<u2")
        return np.exp(2j * np.pi * drawn / 65536)

    def tag(self, message: bytes) -> bytes:
        """`TAG` bytes that only this key gives to this message: HMAC-SHA-256, cut."""
        return hmac.digest(self.secret, b"tag" + message, "sha256")[:TAG]


@lru_cache(maxsize=8)
def key_of(phrase: str) -> Key:
    """A `Key`, made once for each phrase."""
    return Key(phrase)
