"""A photo that another codec encodes, changed beforehand: coefficients stand for its content.

They are those of a JPEG that is never written. What they decode to goes to the codec at a given
quality, and what is verified, measured and has a gradient is the codec's own file; the codec
itself is taken to pass gradients as they are.
"""

from __future__ import annotations

import numpy as np

from ...machine.refine import Differentiable
from ..formats import Format, Setting, decoded
from ..kept import Kept
from .layout import Planes
from .problem import Problem


class Precoded(Problem):
    """As `Problem`, but its files are of another format and of one quality.

    format: the codec; quality: within its `qualities`.
    """

    def __init__(
        self,
        kept: Kept,
        panel: Differentiable,
        pixels: np.ndarray,
        table: np.ndarray,
        format: Format,
        quality: int,
    ):
        super().__init__(kept, panel, pixels, table)
        height, width = pixels.shape[:2]
        self.format = format
        self.setting = Setting(quality, format.subsamplings[0], (width, height))

    def file(self, coefficients: Planes) -> tuple[bytes, np.ndarray]:
        """The codec's file of what the coefficients decode to, and its pixels."""
        content = self.layout.decoded(tuple(plane * self.table for plane in coefficients))
        changed = np.rint(np.clip(content, 0, 255)).astype(np.uint8)
        encoded = self.format.encode(changed, self.setting)[0]
        return encoded.data, decoded(encoded)
