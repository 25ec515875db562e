"""The adjoint of Pillow's Lanczos resize: a gradient by the small picture to one by the large."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

SUPPORT = 3.0  # of the kernel, in samples of the smaller side


@lru_cache(maxsize=64)
def lanczos(size: int, given: int) -> csr_array:
    """What Pillow resizes one side by, size×given, without its rounding to 8 bits."""
    scale = given / size
    stretch = max(scale, 1.0)
    centres = (np.arange(size) + 0.5) * scale
    first = np.maximum((centres - SUPPORT * stretch + 0.5).astype(int), 0)
    last = np.minimum((centres + SUPPORT * stretch + 0.5).astype(int), given)
    taps = first[:, None] + np.arange((last - first).max())
    at = (taps - centres[:, None] + 0.5) / stretch
    weights = np.where(np.abs(at) < SUPPORT, np.sinc(at) * np.sinc(at / SUPPORT), 0.0)
    weights[taps >= last[:, None]] = 0
    weights /= weights.sum(1, keepdims=True)
    rows = np.broadcast_to(np.arange(size)[:, None], taps.shape)
    taken = weights != 0
    return csr_array((weights[taken], (rows[taken], taps[taken])), shape=(size, given))


def unresized(gradient: np.ndarray, height: int, width: int) -> np.ndarray:
    """A gradient by a picture h×w×3 that was resized from height×width -> by that one."""
    if gradient.shape[:2] == (height, width):
        return gradient
    down, across = lanczos(gradient.shape[0], height), lanczos(gradient.shape[1], width)
    planes = [(across.T @ (down.T @ plane).T).T for plane in np.moveaxis(gradient, 2, 0)]
    return np.stack(planes, 2)
