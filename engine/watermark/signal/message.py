"""A payload as a codeword: header, padding, a tag of the key, and Reed-Solomon's parity.

The code is reedsolo's. Of what a picture gives, each byte comes with a reliability; the least
reliable ones are taken for erased, none of them first and then more (Forney's generalised
minimum-distance decoding), until the tag agrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from reedsolo import ReedSolomonError, RSCodec

from ...errors import UsageError
from .key import TAG, Key

LONGEST = 32  # bytes of a payload: 256 bits
PARITY = {8: 6, 16: 8, 32: 12}  # room for a payload in bytes -> bytes of parity
TEXT = 0x80  # of the header: the payload is text; the rest is its length
TRIALS = 4  # numbers of erasures that are tried


@dataclass(frozen=True)
class Payload:
    """data: 1 to 32 bytes; text: they are UTF-8."""

    data: bytes
    text: bool

    @property
    def shown(self) -> str:
        """The text, or hexadecimal digits."""
        return self.data.decode() if self.text else self.data.hex()

    @property
    def bits(self) -> int:
        """Of the data."""
        return 8 * len(self.data)


def payload_of(payload: object) -> Payload:
    """A text, or bytes -> `Payload`. Raises UsageError: empty, or longer than 256 bits."""
    if isinstance(payload, Payload):
        return payload
    if isinstance(payload, str):
        try:
            data = payload.encode()
        except UnicodeEncodeError:
            raise UsageError(f"payload {payload!r} is no text in UTF-8: give it as hex") from None
        unit = f"{len(data)} bytes of UTF-8"
    elif isinstance(payload, (bytes, bytearray)):
        data = bytes(payload)
        unit = f"{len(data)} bytes"
    else:
        raise UsageError(f"payload {payload!r}: give a text or bytes")
    if not 1 <= len(data) <= LONGEST:
        raise UsageError(f"the payload has {unit}: give 1 to {LONGEST} bytes, 256 bits")
    return Payload(data, isinstance(payload, str))


def from_hex(digits: str) -> Payload:
    """Hexadecimal digits, two for each byte -> `Payload`. Raises UsageError."""
    try:
        return payload_of(bytes.fromhex(digits))
    except ValueError:
        raise UsageError(
            f"hex {digits!r}: give an even number of digits 0…9, a…f, 64 at most"
        ) from None


def room_for(payload: Payload) -> int:
    """The smallest room of `PARITY` that holds it, in bytes."""
    return next(room for room in PARITY if room >= len(payload.data))


def length(room: int) -> int:
    """Bytes of a codeword with so much room."""
    return 1 + room + TAG + PARITY[room]


@lru_cache(maxsize=len(PARITY))
def code(room: int) -> RSCodec:
    return RSCodec(PARITY[room])


def masked(body: bytes, key: Key, room: int) -> bytes:
    """The bytes hidden, or shown again, by a stream of the key."""
    hiding = key.stream(f"mask {room}", len(body))
    return bytes(a ^ b for a, b in zip(body, hiding, strict=True))


def encoded(payload: Payload, key: Key) -> np.ndarray:
    """The codeword, uint8."""
    room = room_for(payload)
    header = len(payload.data) | (TEXT if payload.text else 0)
    body = bytes([header]) + payload.data.ljust(room, b"\0")
    hidden = masked(body + key.tag(body), key, room)
    return np.frombuffer(bytes(code(room).encode(hidden)), np.uint8)


@dataclass(frozen=True)
class Decoded:
    """payload: None where the tag does not agree; corrected: how many bytes were wrong."""

    payload: Payload | None
    corrected: int = 0


def attempts(
    codeword: np.ndarray, reliability: np.ndarray, room: int, key: Key
) -> Iterator[Decoded]:
    """What each trial gives: of a codeword uint8, and each byte's reliability float."""
    weakest = np.argsort(reliability, kind="stable")
    for trial in range(TRIALS):
        erased = weakest[: PARITY[room] * trial // (TRIALS - 1)]
        try:
            hidden, whole, _ = code(room).decode(bytes(codeword), erase_pos=erased.tolist())
        except ReedSolomonError:
            yield Decoded(None)
            continue
        payload = authentic(masked(bytes(hidden), key, room), key)
        wrong = int((np.frombuffer(bytes(whole), np.uint8) != codeword).sum())
        yield Decoded(payload, wrong if payload else 0)


def authentic(message: bytes, key: Key) -> Payload | None:
    """The payload of a message whose tag is the key's; None of any other."""
    body, tag = message[:-TAG], message[-TAG:]
    size = body[0] & ~TEXT
    if tag != key.tag(body) or not 1 <= size < len(body) or any(body[1 + size :]):
        return None
    payload = Payload(body[1 : 1 + size], bool(body[0] & TEXT))
    try:
        _ = payload.shown
    except UnicodeDecodeError:
        return None
    return payload
