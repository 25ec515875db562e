"""Which quantised coefficients are changed by one: bits against evidence, to first order."""

from __future__ import annotations

import numpy as np

from ..jpeg.layout import Planes
from ..jpeg.rate import costs

SAVING = 0.3  # bits that a change must save to be one that saves
CHEAPEST = 0.5  # bits that a change is taken to cost at least, where evidence is bought


def changed(coefficients: Planes, slopes: Planes, saving: float, needed: float) -> Planes:
    """Coefficients after changes by one: some that save bits, some that bring evidence.

    coefficients: whole numbers, each plane rows×columns×8×8; slopes: of the evidence by each.
    First the changes that lose the least evidence for a bit, until `saving` bits are saved; then
    those that bring the most for a bit, until they bring what the first ones lost and `needed`
    (less than nothing where there is evidence to spare).
    """
    both = [costs(plane) for plane in coefficients]
    raised = np.concatenate([each.ravel() for each, _ in both])
    lowered = np.concatenate([each.ravel() for _, each in both])
    slope = np.concatenate([plane.ravel() for plane in slopes])
    by = np.zeros_like(slope)
    if saving > 0:
        sign = np.where(raised < lowered, 1.0, -1.0)
        saved = -np.minimum(raised, lowered)
        at = np.flatnonzero(saved > SAVING)
        loss = -(slope * sign)[at]
        order = np.argsort(loss / saved[at])
        count = int(np.searchsorted(np.cumsum(saved[at][order]), saving)) + 1
        taken = order[:count]
        by[at[taken]] = sign[at[taken]]
        needed += max(float(loss[taken].sum()), 0.0)
    if needed > 0:
        gain = np.where(by == 0, np.abs(slope), 0)
        bits = np.where(slope > 0, raised, lowered)
        order = np.argsort(-gain / np.maximum(bits, CHEAPEST))
        count = int(np.searchsorted(np.cumsum(gain[order]), needed)) + 1
        taken = order[: min(count, np.count_nonzero(gain))]
        by[taken] = np.sign(slope[taken])
    ends = np.cumsum([plane.size for plane in coefficients])[:-1]
    return tuple(
        plane + part.reshape(plane.shape)
        for plane, part in zip(coefficients, np.split(by, ends), strict=True)
    )
