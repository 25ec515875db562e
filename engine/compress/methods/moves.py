"""Which quantised coefficients are changed by one: bits against evidence, to first order."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..jpeg.layout import Planes
from ..jpeg.rate import costs

SAVING = 0.3  # bits that a change must save to be one that saves
CHEAPEST = 0.5  # bits that a change is taken to cost at least, where evidence is bought


def changed(
    coefficients: Planes,
    slopes: Planes,
    saving: float,
    needed: float,
    likeness: tuple[Planes, Planes] | None = None,
) -> Planes:
    """Coefficients after changes by one: some that save bits, some that bring evidence.

    coefficients: whole numbers, each plane rows×columns×8×8; slopes: of the evidence by each.
    First the changes that lose the least for a bit, until `saving` bits are saved; then those that
    bring the most for a bit, until they bring the evidence that the first ones lost and `needed`
    (less than nothing where there is evidence to spare). likeness: what raising each coefficient
    brings in likeness to the photo, and lowering it; it counts beside evidence in what is lost and
    brought for a bit, and a change that brings less than nothing is not made to bring evidence.
    """
    both = [costs(plane) for plane in coefficients]
    raised = joint(each for each, _ in both)
    lowered = joint(each for _, each in both)
    slope = joint(slopes)
    alike_raised, alike_lowered = (joint(each) for each in likeness) if likeness else (0.0, 0.0)
    by = np.zeros_like(slope)
    if saving > 0:
        up = raised < lowered
        sign = np.where(up, 1.0, -1.0)
        saved = -np.minimum(raised, lowered)
        at = np.flatnonzero(saved > SAVING)
        loss = -(slope * sign)[at]
        whole = loss - np.where(up, alike_raised, alike_lowered)[at]
        order = np.argsort(whole / saved[at])
        count = int(np.searchsorted(np.cumsum(saved[at][order]), saving)) + 1
        taken = order[:count]
        by[at[taken]] = sign[at[taken]]
        needed += max(float(loss[taken].sum()), 0.0)
    if needed > 0:
        up = slope > 0
        gain = np.where(by == 0, np.abs(slope), 0)
        whole = gain + np.where(up, alike_raised, alike_lowered)
        gain = np.where(whole > 0, gain, 0)
        bits = np.where(up, raised, lowered)
        order = np.argsort(-np.where(gain > 0, whole, 0) / np.maximum(bits, CHEAPEST))
        count = int(np.searchsorted(np.cumsum(gain[order]), needed)) + 1
        taken = order[: min(count, np.count_nonzero(gain))]
        by[taken] = np.sign(slope[taken])
    ends = np.cumsum([plane.size for plane in coefficients])[:-1]
    return tuple(
        plane + part.reshape(plane.shape)
        for plane, part in zip(coefficients, np.split(by, ends), strict=True)
    )


def joint(planes: Iterable[np.ndarray]) -> np.ndarray:
    """All numbers of some planes in one row."""
    return np.concatenate([plane.ravel() for plane in planes])
