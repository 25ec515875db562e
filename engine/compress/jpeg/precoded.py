"""A photo that another codec encodes, changed beforehand: coefficients stand for its content.

They are those of a JPEG that is never written. What they decode to goes to the codec at a given
quality, and what is verified, measured and has a gradient is the codec's own file; the codec
itself is taken to pass gradients as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...machine.refine import Differentiable
from ..formats import Format, Setting, decoded
from ..kept import Kept
from .layout import Planes
from .problem import LARGEST, Problem, State, margins


class Precoded(Problem):
    """As `Problem`, but its files are of another format and of one quality.

    format: the codec; quality: within its `qualities`.
    """

    def __init__(
        self,
        kept: Kept,
        panel: Differentiable,
        tables: Sequence[np.ndarray],
        format: Format,
        quality: int,
    ):
        super().__init__(kept, panel, tables)
        height, width = kept.pixels.shape[:2]
        self.format = format
        self.setting = Setting(quality, format.subsamplings[0], (width, height))

    def look(self, coefficients: Planes) -> State:
        """The codec's file of what some coefficients decode to, and what the panel predicts."""
        coefficients = tuple(np.clip(plane, -LARGEST, LARGEST) for plane in coefficients)
        scaled = tuple(p * step for p, step in zip(coefficients, self.steps, strict=True))
        changed = np.rint(np.clip(self.layout.decoded(scaled), 0, 255)).astype(np.uint8)
        encoded = self.format.encode(changed, self.setting)[0]
        pixels = decoded(encoded)
        logits = self.kept.logits(pixels)
        return State(coefficients, encoded.data, pixels, logits, margins(self.kept.aim, logits))
