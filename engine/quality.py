"""How far two pictures are apart."""

from __future__ import annotations

import numpy as np


def psnr(difference: np.ndarray) -> np.ndarray:
    """PSNR in dB of differences float N×… on the 0…1 scale, one per row; inf where equal."""
    power = np.square(difference, dtype=np.float64).reshape(len(difference), -1).mean(1)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(power)
