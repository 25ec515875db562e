"""A codeword as a pattern: a square tile of low and middle frequencies, repeated over the picture.

A fifth of the tile's Fourier coefficients are pilots, known to whoever has the key: they tell where
the tile begins in a picture that was cropped, and how well each frequency has come through. The
others carry the codeword's bytes, each as one of 256 sequences of 128 chips (rows of a Hadamard
matrix and their negatives), its chips spread over the band in an order and with signs of the key.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg import hadamard

from .key import Key
from .message import PARITY, length

TILE = 256  # pixels a side, at scale 1
LOW, HIGH = 0.035, 0.2  # cycles per pixel, at scale 1
TILT = 0.7  # amplitude ∝ frequency^TILT: an eye sees the high ones less, JPEG removes them first
PILOTS = 5  # one in so many coefficients
CHIPS = 128

REACH = int(HIGH * TILE)
ROWS = np.arange(-REACH, REACH + 1)  # vertical frequencies, cycles per tile
COLUMNS = np.arange(REACH + 1)  # horizontal ones: a half plane, the picture being real
FREQUENCY = np.hypot(ROWS[:, None], COLUMNS) / TILE
BAND = (FREQUENCY >= LOW) & (FREQUENCY <= HIGH) & ((COLUMNS > 0) | (ROWS[:, None] > 0))
VERTICAL, HORIZONTAL = (
    each[at] for each, at in zip((ROWS, COLUMNS), np.nonzero(BAND), strict=True)
)
RADIUS = FREQUENCY[BAND]  # of each of the N coefficients
SEQUENCES = hadamard(CHIPS).astype(np.float32)


class Carriers:
    """The carriers of a key: N coefficients, in the order of `BAND`'s true places.

    pilots, data: indices of N; known: what the pilots are, complex of magnitude √2.
    """

    def __init__(self, key: Key):
        order = key.order("coefficients", len(RADIUS))
        self.pilots, self.data = np.split(order, [len(order) // PILOTS])
        self.known = np.sqrt(2) * key.phases("pilots", len(self.pilots))
        self.signs = key.signs("signs", 2 * len(self.data)).astype(np.float32)
        self.places = {room: self._places(key, room) for room in PARITY}

    def _places(self, key: Key, room: int) -> np.ndarray:
        """Which numbers carry which byte: int64 bytes×numbers, chip after chip."""
        bytes_ = length(room)
        order = key.order(f"places {room}", 2 * len(self.data))
        return order[: len(order) // bytes_ * bytes_].reshape(bytes_, -1)

    def coefficients(self, codeword: np.ndarray, room: int) -> np.ndarray:
        """A codeword uint8 -> complex N, of magnitude √2 in the mean."""
        places = self.places[room]
        rows = SEQUENCES[codeword % CHIPS] * np.where(codeword < CHIPS, 1, -1)[:, None]
        numbers = np.ones(2 * len(self.data), np.float32)
        numbers[places] = rows[:, np.arange(places.shape[1]) % CHIPS]
        real, imaginary = np.split(numbers * self.signs, 2)
        result = np.empty(len(RADIUS), complex)
        result[self.data] = real + 1j * imaginary
        result[self.pilots] = self.known
        return result

    def bytes_of(self, values: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
        """Values complex N -> the likeliest codeword uint8, and each byte's reliability.

        Reliability: by how much the best sequence is ahead of the next, in standard deviations.
        """
        numbers = np.concatenate([values[self.data].real, values[self.data].imag]) * self.signs
        own = numbers[self.places[room]]
        padded = np.pad(own, ((0, 0), (0, -own.shape[1] % CHIPS)))
        chips = padded.reshape(len(own), -1, CHIPS).sum(1)
        match = chips @ SEQUENCES
        match = np.concatenate([match, -match], 1)
        match /= np.sqrt(np.square(own).sum(1, keepdims=True)) + 1e-9
        best = np.sort(match, axis=1)
        return match.argmax(1).astype(np.uint8), best[:, -1] - best[:, -2]


def tile(coefficients: np.ndarray, side: int) -> np.ndarray:
    """Complex N -> the pattern float32 side×side, of mean square 1; side: `TILE` times a scale."""
    spectrum = np.zeros((side, side // 2 + 1), complex)
    spectrum[VERTICAL, HORIZONTAL] = coefficients * RADIUS**TILT
    first = spectrum[:, 0]
    spectrum[:, 0] = first + np.conj(np.roll(first[::-1], 1))
    pattern = np.fft.irfft2(spectrum, s=(side, side))
    return (pattern / pattern.std()).astype(np.float32)


def repeated(
    pattern: np.ndarray, height: int, width: int, start: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """The tile over a picture: float32 height×width; start: (down, across) in it, its beginning."""
    side = len(pattern)
    rows = (np.arange(height) + start[0]) % side
    columns = (np.arange(width) + start[1]) % side
    return pattern[rows[:, None], columns]


@lru_cache(maxsize=8)
def carriers_of(key: Key) -> Carriers:
    """The `Carriers` of a key, made once."""
    return Carriers(key)
