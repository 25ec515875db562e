"""What of a picture could be a pattern: its band of frequencies, every place and frequency weighed.

Where a picture is rough, its own content hides the pattern: there it counts less, by the local
deviation. The same holds for the frequencies at which it is rough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from .carriers import BAND, COLUMNS, HORIZONTAL, RADIUS, ROWS, TILE, VERTICAL, Carriers

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
AROUND = 5.0  # deviation of the neighbourhood of a pixel, at scale 1
LEAST = 1.5  # levels added to the local deviation: of rounding and compression
NEIGHBOURS = 9  # coefficients a side, over which the power of a frequency is averaged
RINGS = 6  # of frequencies, for each of which the pilots tell how well it has come through


def luma(pixels: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 -> float32 H×W, 0…255."""
    result = np.empty(pixels.shape[:2], np.float32)
    for top in range(0, len(pixels), 512):
        result[top : top + 512] = pixels[top : top + 512] @ LUMA
    return result


def shrunk(plane: np.ndarray, factor: int) -> np.ndarray:
    """float32 H×W -> its means over squares of factor×factor, what is left over cut off."""
    if factor == 1:
        return plane
    height, width = (length // factor for length in plane.shape)
    whole = plane[: height * factor, : width * factor]
    return whole.reshape(height, factor, width, factor).mean((1, 3))


def residual(plane: np.ndarray, scale: float) -> np.ndarray:
    """float32 H×W, levels -> what is left without the local mean, in local deviations."""
    rest = plane - gaussian_filter(plane, AROUND * scale)
    deviation = gaussian_filter(np.square(rest), AROUND * scale)
    np.sqrt(deviation, out=deviation)
    deviation += LEAST
    rest /= deviation
    return rest


def transformed(rest: np.ndarray, scale: float) -> np.ndarray:
    """float32 H×W -> complex64 rows×columns: its Fourier transform at the tile's frequencies.

    scale: how many pixels of this picture are one of the tile's.
    """
    height, width = rest.shape
    down = 2 * np.pi / TILE * np.outer(ROWS, (np.arange(height) + 0.5) / scale)
    across = 2 * np.pi / TILE * np.outer((np.arange(width) + 0.5) / scale, COLUMNS)
    cosines, sines = (f(down).astype(np.float32) @ rest for f in (np.cos, np.sin))
    c, s = (f(across).astype(np.float32) for f in (np.cos, np.sin))
    return (cosines @ c - sines @ s) - 1j * (cosines @ s + sines @ c)


SHARE = uniform_filter(BAND.astype(float), NEIGHBOURS, mode="constant")


def coefficients(rest: np.ndarray, scale: float) -> np.ndarray:
    """float32 H×W -> complex N: the band's coefficients, over their neighbours' magnitude."""
    found = transformed(rest, scale)
    power = uniform_filter(np.where(BAND, np.abs(found) ** 2, 0.0), NEIGHBOURS, mode="constant")
    return found[BAND] / np.sqrt(power[BAND] / SHARE[BAND] + 1e-12)


@dataclass(frozen=True)
class Place:
    """Where a tile may begin: (down, across) in its own pixels; height: of the pilots' correlation.

    height is in standard deviations of what pictures without the watermark give at one place; of
    all places of a tile the highest is about 4.5 there.
    """

    down: float
    across: float
    height: float


def places(values: np.ndarray, carriers: Carriers, count: int = 1, finer: int = 1) -> list[Place]:
    """Complex N -> the likeliest beginnings of the tile, best first, to 1/finer of a pixel."""
    side = TILE * finer
    pilots = values[carriers.pilots]
    grid = np.zeros((side, side), complex)
    at = VERTICAL[carriers.pilots], HORIZONTAL[carriers.pilots]
    grid[at] = pilots * np.conj(carriers.known)
    scale = side * side / np.sqrt(np.square(np.abs(pilots)).sum() + 1e-12)
    height = np.fft.ifft2(grid).real * scale  # the known ones have the magnitude √2
    found = []
    for _ in range(count):
        down, across = np.unravel_index(height.argmax(), height.shape)
        found.append(Place(down / finer, across / finer, float(height[down, across])))
        near = np.ix_(*((np.arange(-finer, finer + 1) + each) % side for each in (down, across)))
        height[near] = -np.inf
    return found


def aligned(values: np.ndarray, carriers: Carriers, place: Place) -> np.ndarray:
    """Complex N, as if the tile began at the picture's corner; each ring as it has come through."""
    turn = VERTICAL * place.down + HORIZONTAL * place.across
    values = values * np.exp(2j * np.pi / TILE * turn)
    edges = np.linspace(RADIUS.min(), RADIUS.max(), RINGS + 1)[1:-1]
    ring = np.digitize(RADIUS, edges)
    match = (values[carriers.pilots] * np.conj(carriers.known)).real
    own = ring[carriers.pilots]
    counts = np.maximum(np.bincount(own, minlength=RINGS), 1)
    weight = np.bincount(own, match, RINGS) / counts
    return values * np.maximum(uniform_filter(weight, 3, mode="nearest"), 1e-3)[ring]
