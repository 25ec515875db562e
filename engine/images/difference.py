"""What was changed, made visible: the difference of two pictures, amplified around grey."""

from __future__ import annotations

import numpy as np

from ..errors import UsageError

GREY = 128


def amplified(original: np.ndarray, changed: np.ndarray, gain: int) -> np.ndarray:
    """uint8 H×W×3 twice -> uint8 H×W×3: grey 128 where equal, gain grey levels per level.

    Raises UsageError for pictures of different sizes.
    """
    if original.shape != changed.shape:
        sizes = " and ".join(f"{p.shape[1]}×{p.shape[0]}" for p in (original, changed))
        raise UsageError(f"the pictures are {sizes}: give two of the same size")
    difference = changed.astype(np.int32) - original
    return np.clip(GREY + gain * difference, 0, 255).astype(np.uint8)
