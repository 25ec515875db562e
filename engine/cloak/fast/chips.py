"""The part of a face that the network of the first change sees, and its change in the photo."""

from __future__ import annotations

import numpy as np

from ...faces.chip import Framing

# Pixels as large as those of dlib's chips, and a little more around them.
FRAMING = Framing(side=160, padding=0.3)
BORDER = 10  # pixels of a chip in which the change falls to nothing


def window(side: int = FRAMING.side, border: int = BORDER) -> np.ndarray:
    """1 inside, falling to 0 at the borders, float32 S×S."""
    place = np.arange(side) + 0.5
    share = np.minimum(place, side - place) / border
    line = np.sin(np.pi / 2 * share.clip(max=1)) ** 2
    return np.outer(line, line).astype(np.float32)
