"""What was changed, made visible: the difference of two pictures, amplified around grey."""

from __future__ import annotations

import numpy as np

from .errors import UsageError

GREY = 128
STRONGEST = 64


def fitting_gain(original: np.ndarray, changed: np.ndarray) -> int:
    """The largest power of two, up to 64, at which no difference leaves 0…255; 1 at least."""
    largest = int(np.abs(changed.astype(np.int16) - original).max(initial=0))
    gain = STRONGEST
    while gain > 1 and gain * largest >= GREY:
        gain //= 2
    return gain


def amplified(original: np.ndarray, changed: np.ndarray, gain: int) -> np.ndarray:
    """uint8 H×W×3 twice -> uint8 H×W×3: grey 128 where equal, gain grey levels per level.

    Raises UsageError for pictures of different sizes.
    """
    if original.shape != changed.shape:
        sizes = " and ".join(f"{p.shape[1]}×{p.shape[0]}" for p in (original, changed))
        raise UsageError(f"the pictures are {sizes}: give two of the same size")
    difference = changed.astype(np.int32) - original
    return np.clip(GREY + gain * difference, 0, 255).astype(np.uint8)
