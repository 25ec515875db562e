"""Blind reading: is there a watermark of this key in a picture, and what does it say?

The pilots are looked for at each scale that the format allows, and where they stand out, the bytes
are decoded. What decides is the tag, 32 bits of an HMAC of the key: a picture without a watermark,
or with another key's, agrees with it once in 2^32 attempts, and there are at most `MOST` attempts.
So a false alarm has a probability of MOST / 2^32 < 10^-6, whatever the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arguments import check_flag
from ..images.picture import as_picture
from ..system.progress import Progress
from .names import OPEN_KEY
from .signal.carriers import TILE, Carriers, carriers_of
from .signal.key import TAG, Key, key_of
from .signal.message import PARITY, Decoded, Payload, attempts
from .signal.spectrum import aligned, coefficients, luma, places, residual, shrunk

HALF_OCTAVE = 2**0.5
SMALLEST = 0.35  # of the scales at which a tile is looked for: a third of the size it was made at
COVERED = 0.5  # of a tile's side that the picture must show, at least
STEP = 1.0025  # from one scale to the next in a thorough search
HEIGHT = 5.5  # of the pilots' correlation, from which decoding is tried
PEAKS = 3  # places that are tried at one scale
BEST = 4  # scales of a thorough search that are tried
MOST = 4000  # attempts at decoding for one picture: 4000 / 2^32 is less than 10^-6


@dataclass(frozen=True)
class Reading:
    """What a picture says under a key.

    payload: a text, or bytes; None where no watermark of this key was found. scale: pixels of the
    picture per pixel of the tile; height: of the pilots' correlation at the best place, in standard
    deviations; corrected: bytes of the codeword that were wrong; attempts: at decoding;
    false_alarm: the probability that a picture without a watermark of this key is read as one.
    """

    payload: str | bytes | None
    scale: float | None
    height: float
    corrected: int
    attempts: int
    size: tuple[int, int]
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether there is a watermark of this key."""
        return self.payload is not None

    @property
    def false_alarm(self) -> float:
        """The bound for a picture that took as many attempts as are allowed."""
        return MOST / 2 ** (8 * TAG)

    @property
    def summary(self) -> str:
        """One line."""
        if self.payload is None:
            return "no watermark of this key: unmarked, another key's, or changed too much"
        shown = self.payload if isinstance(self.payload, str) else self.payload.hex()
        kind = "text" if isinstance(self.payload, str) else "hex"
        return f"{kind} {shown}"

    def to_dict(self) -> dict:
        """As JSON. size is [width, height]; hex and text: null where it is none."""
        data = self.payload.encode() if isinstance(self.payload, str) else self.payload
        return {
            "size": list(self.size),
            "found": self.found,
            "text": self.payload if isinstance(self.payload, str) else None,
            "hex": None if data is None else data.hex(),
            "scale": None if self.scale is None else round(self.scale, 4),
            "pilots": round(self.height, 2),
            "corrected": self.corrected,
            "attempts": self.attempts,
            "false_alarm": self.false_alarm,
            "notes": list(self.notes),
        }


class Reader:
    """Looks for the watermarks of one key in one picture, float32 H×W of luma."""

    def __init__(self, plane: np.ndarray, key: Key):
        self.plane, self.key = plane, key
        self.carriers: Carriers = carriers_of(key)
        self.attempts = 0
        self.highest = 0.0
        self._rest: tuple[tuple, np.ndarray] | None = None

    def values(self, scale: float) -> np.ndarray:
        """The band's coefficients at a scale, complex N."""
        factor = max(1, int(scale))
        octave = round(2 * np.log2(scale)) / 2
        if self._rest is None or self._rest[0] != (factor, octave):
            rest = residual(shrunk(self.plane, factor), 2**octave / factor)
            self._rest = ((factor, octave), rest)
        return coefficients(self._rest[1], scale / factor)

    def height(self, scale: float) -> float:
        """How far the pilots stand out at a scale."""
        (place,) = places(self.values(scale), self.carriers)
        self.highest = max(self.highest, place.height)
        return place.height

    def decoded(self, scale: float) -> Decoded | None:
        """What is decoded at a scale, its tag right; None where nothing is."""
        values = self.values(scale)
        for place in places(values, self.carriers, PEAKS, finer=2):
            self.highest = max(self.highest, place.height)
            if place.height < HEIGHT:
                return None
            straight = aligned(values, self.carriers, place)
            for room in PARITY:
                for found in attempts(*self.carriers.bytes_of(straight, room), room, self.key):
                    if self.attempts >= MOST:
                        return None
                    self.attempts += 1
                    if found.payload is not None:
                        return found
        return None


def scales(shape: tuple[int, int]) -> list[float]:
    """Those at which a watermark is made, and their halves and so on, for a picture (H, W)."""
    largest = min(shape) / (COVERED * TILE)
    sides = (round(TILE * HALF_OCTAVE**step) for step in range(-3, 40))
    found = [side / TILE for side in sides if SMALLEST <= side / TILE <= largest]
    return sorted(found, key=lambda scale: abs(np.log(scale)))


def steps(
    pixels: np.ndarray, key: Key, *, thorough: bool = False, notes: tuple[str, ...] = ()
) -> Iterator[Progress | Reading]:
    """The steps of reading a picture uint8 H×W×3, the `Reading` last. As `read_watermark`."""
    reader = Reader(luma(pixels), key)
    known = scales(pixels.shape[:2])
    size = pixels.shape[1], pixels.shape[0]

    def reading(found: tuple[float, Decoded] | None) -> Reading:
        payload: Payload | None = found[1].payload if found else None
        return Reading(
            payload=None if payload is None else payload.shown if payload.text else payload.data,
            scale=found[0] if found else None,
            height=reader.highest,
            corrected=found[1].corrected if found else 0,
            attempts=reader.attempts,
            size=size,
            notes=notes,
        )

    for number, scale in enumerate(known):
        yield Progress("looking for the pattern", number / (len(known) + 1))
        if found := reader.decoded(scale):
            yield reading((scale, found))
            return
    if thorough and known:
        count = int(np.log(max(known) / SMALLEST) / np.log(STEP)) + 1
        tried = SMALLEST * STEP ** np.arange(count)
        heights = np.zeros(count)
        for number, scale in enumerate(tried):
            if number % 16 == 0:
                yield Progress("looking for the pattern at every scale", number / count)
            heights[number] = reader.height(scale)
        for number in np.argsort(-heights)[:BEST]:
            near = tried[number] * STEP ** np.linspace(-0.75, 0.75, 7)
            best = max(near, key=reader.height)
            if found := reader.decoded(best):
                yield reading((float(best), found))
                return
    yield reading(None)


def read_watermark(image: object, *, key: str = OPEN_KEY, thorough: bool = False) -> Reading:
    """The watermark of a key in a picture, without the original.

    image: a path, a Pillow picture, or an array uint8 H×W×3 or H×W, sRGB 0…255, also a cropped or
    halved copy. key: the phrase that it was embedded with. thorough: look at every scale from 0.35
    on, for a copy that was resized by any other factor; some ten seconds. Raises ImageError,
    UsageError.
    """
    check_flag("thorough", thorough)
    secret = key_of(key)
    picture = as_picture(image)
    *_, result = steps(picture.pixels, secret, thorough=thorough, notes=picture.notes)
    return result
