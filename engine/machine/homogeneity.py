"""Paper A's homogeneity: a weakened E keeps the labels too, so the largest that does can be found.

The paper tests k/9 · E for k = 8 … 1 and finds that every label holds at each. On pictures that a
generator was not trained on, the whole E may flip a label; then the first ninth that flips none is
taken, and refined. The paper's test is measured in `training.evaluate.machine.experiments`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..images.picture import to_batch, to_pixels

STEPS = 9  # paper A weakens E in ninths
ROWS = 64  # of a picture that are distorted at a time
HALVINGS = 3  # between the ninth that holds and the next that does not: 1/72


def largest_scale(
    predict_labels: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    change: np.ndarray,
    labels: np.ndarray,
    members: Sequence[int] | slice = slice(None),
) -> tuple[np.ndarray, np.ndarray]:
    """The largest tried scale at which x + scale·E keeps every label, per picture.

    predict_labels: uint8 N×H×W×3 -> top-1 class int N×P, as `Panel.predict_labels`; labels: N×P,
    predicted of the pixels; members: which of the P must keep theirs, by default all; the rest and
    what is returned: as `largest_held`.
    """

    def held(candidates: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return (predict_labels(candidates) == labels[rows])[:, members].all(1)

    return largest_held(held, pixels, change)


def largest_held(
    held: Callable[[np.ndarray, np.ndarray], np.ndarray],
    pixels: np.ndarray,
    change: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The largest tried scale at which x + scale·E is held to be the same, per picture.

    held: distorted pictures uint8 M×H×W×3, which of the N they are int M -> bool M. pixels: uint8
    N×H×W×3; change: E, float32 N×3×H×W on the 0…1 scale. Scales 9/9, 8/9, … are tried, then
    three halvings towards the next ninth. Scale 0 is the picture itself, which always holds.

    Returns (scale float64 N in 0…1, distorted uint8 N×H×W×3).
    """
    scale = np.zeros(len(pixels))
    distorted = pixels.copy()

    def attempt(rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """Try these factors on these pictures; keep those that hold, return the other rows."""
        candidates = distort(pixels[rows], change[rows], factors)
        holds = held(candidates, rows)
        scale[rows[holds]] = factors[holds]
        distorted[rows[holds]] = candidates[holds]
        return rows[~holds]

    rows = np.arange(len(pixels))
    for k in range(STEPS, 0, -1):
        if len(rows):
            rows = attempt(rows, np.full(len(rows), k / STEPS))
    rows = np.flatnonzero(scale < 1)
    for halving in range(1, HALVINGS + 1):
        if len(rows):
            attempt(rows, scale[rows] + 1 / STEPS / 2**halving)
    return scale, distorted


def distort(pixels: np.ndarray, change: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """x + factor·E (eq. 4), clipped and rounded to 8 bits: uint8 N×H×W×3.

    Made in bands of rows: of a photo of many megapixels no copy in single precision is needed.
    """
    weights = factors[:, None, None, None].astype(np.float32)
    distorted = np.empty_like(pixels)
    for top in range(0, pixels.shape[1], ROWS):
        band = slice(top, top + ROWS)
        weakened = change[:, :, band] * weights
        distorted[:, band] = to_pixels(to_batch(pixels[:, band]) + weakened)
    return distorted
