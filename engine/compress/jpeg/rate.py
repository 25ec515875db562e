"""What a quantised coefficient costs in a progressive JPEG, in bits, estimated.

The constants are rounded from a least-squares fit, of relative errors, to the lengths of real files
of `engine.compress.jpeg.file`; the weight of rarity was set to one. `codec_rate.json` of
`training/results` has such a fit beside them, and what either leaves over
(`training.evaluate.codec.rate`). A coefficient is the dearer the fewer blocks have one at its
place.
"""

from __future__ import annotations

import numpy as np

from .layout import Planes

NONZERO = 3.0  # bits of any AC coefficient that is not zero, and
RARITY = 1.0  # more for each halving of the share of blocks that have one there,
MAGNITUDE = 1.1  # and for each doubling of its value
BLOCK = 0.7  # bits of any mean (DC), and
CHANGE = 2.9  # more for each doubling of 1 + its change from the block before
HEADERS = 2330  # bits of headers and tables, and of ends of blocks


def rarity(plane: np.ndarray) -> np.ndarray:
    """Of coefficients rows×columns×8×8: by how many halvings few blocks have each, 8×8."""
    blocks = plane.shape[0] * plane.shape[1]
    return np.log2((blocks + 2) / ((plane != 0).sum((0, 1)) + 1))


def estimate(coefficients: Planes) -> float:
    """Bits of a file of quantised coefficients, each plane rows×columns×8×8."""
    bits = float(HEADERS)
    for plane in coefficients:
        further = plane.copy()
        further[..., 0, 0] = 0
        counts = (further != 0).sum((0, 1))
        bits += (counts * (NONZERO + RARITY * rarity(further))).sum()
        bits += MAGNITUDE * np.log2(np.maximum(np.abs(further), 1)).sum()
        mean = plane[..., 0, 0].ravel()
        bits += BLOCK * mean.size + changing(np.diff(mean, prepend=0)).sum()
    return float(bits)


def changing(change: np.ndarray) -> np.ndarray:
    """Bits of a mean's change from the block before, beyond `BLOCK`."""
    return CHANGE * np.log2(1 + np.abs(change))


def costs(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bits more when one coefficient alone is raised, and lowered, by one: each as the plane.

    plane: whole numbers rows×columns×8×8.
    """
    size = np.abs(plane)
    single = np.broadcast_to(NONZERO + RARITY * rarity(plane), plane.shape)
    larger = np.where(size == 0, single, MAGNITUDE * np.log2((size + 1) / np.maximum(size, 1)))
    halving = np.log2(np.maximum(size, 1) / np.maximum(size - 1, 1))
    smaller = np.where(size <= 1, -single, -MAGNITUDE * halving)
    raised = np.where(plane >= 0, larger, smaller)
    lowered = np.where(plane <= 0, larger, smaller)
    mean = plane[..., 0, 0].ravel()
    before = np.diff(mean, prepend=0)
    after = np.append(before[1:], 0)
    for bits, by in ((raised, 1), (lowered, -1)):
        more = changing(before + by) - changing(before)
        more += changing(after - by) - changing(after)
        bits[..., 0, 0] = more.reshape(plane.shape[:2])
    return raised, lowered
