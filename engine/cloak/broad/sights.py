"""What a recogniser sees of a change of the canvas: chips of the photo, and of files made of it.

The photo's own chip is the clean one plus the change as the chip shows it, which is linear. Of a
version that was saved as JPEG, the codec's arithmetic is gone through, at that version's size.
Needs torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...attack.alignment import extract
from ...faces.chip import Chip
from ...images.parts import Box
from .canvas import FIRST, Canvas, Sight


def as_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 h×w×3 -> float32 1×3×h×w in 0…1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255


@dataclass(frozen=True)
class Direct:
    """clean: the chip of the clean photo, or of a version of it, 1×3×S×S."""

    clean: Tensor
    sight: Sight

    def __call__(self, canvas: Canvas, change: Tensor) -> Tensor:
        return (self.clean + canvas.shown(change, [self.sight])).clamp(0, 1)


@dataclass(frozen=True)
class Saved:
    """Part of a version of the clean photo before it is saved, 1×3×h×w, how it is saved, and the
    chip in that part; grid: where its pixels lie in the canvas, for `grid_sample`.
    """

    clean: Tensor
    codec: Callable[[Tensor], Tensor]
    chip: Chip
    grid: Tensor

    @classmethod
    def of(
        cls,
        canvas: Canvas,
        version: np.ndarray,
        scale: float,
        codec: Callable[[Tensor], Tensor],
        chip: Chip,
        box: Box,
    ) -> Saved:
        """version: uint8, `scale` times the photo's size; chip and box: in that."""
        left, top, right, bottom = box
        step = 2**canvas.halvings
        rows, columns = np.meshgrid(np.arange(top, bottom), np.arange(left, right), indexing="ij")
        photo = (np.stack([columns, rows], -1) + 0.5) / scale - 0.5
        places = (photo - canvas.box[:2] - FIRST * (step - 1)) / step
        height, width = canvas.halved.shape[2:]
        grid = torch.from_numpy(2 * places / (width - 1, height - 1) - 1).float()[None]
        return cls(as_tensor(version[top:bottom, left:right]), codec, chip.within(left, top), grid)

    def __call__(self, canvas: Canvas, change: Tensor) -> Tensor:
        seen = F.grid_sample(change, self.grid.to(change), align_corners=True)
        return extract(self.codec((self.clean + seen).clamp(0, 1)), [self.chip])
