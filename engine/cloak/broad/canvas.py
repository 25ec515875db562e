"""The part of a photo around a large face, halved as dlib halves it, and back to the photo.

A chip is 150 pixels wide. Of a face that is several times as large, only what the halved picture
holds reaches the recogniser: so the change is searched for there, and put back smoothly, each pixel
on one of the two nearest levels, so that many together have the mean that is wanted. Needs torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...attack.alignment import halve
from ...faces.chip import Chip
from ...images.parts import Box, put_back
from .eye import larger

FIRST = 2  # pixel of the larger picture that pixel 0 of the halved one lies on
# What is left of a change that was made larger and is halved again, on the same pixels or between.
SMOOTHED = {0: (1.0, 28.0, 70.0, 28.0, 1.0), 1: (8.0, 56.0, 56.0, 8.0)}
LEAST = 1e-3  # levels: a smaller change is none
BAYER = 8  # pixels, the side of the pattern of levels


@dataclass(frozen=True)
class Sight:
    """grid: where a chip's pixels lie in the canvas, for `grid_sample`, float32 S×S×2; between:
    whether, across and down, its halved pixels lie between the canvas's.
    """

    grid: Tensor
    between: tuple[int, int]


@dataclass(frozen=True)
class Canvas:
    """box: the part of the photo; sizes: of the part, height and width, before each halving;
    halved: float32 1×3×h×w in 0…1.
    """

    box: Box
    sizes: tuple[tuple[int, int], ...]
    halved: Tensor

    @classmethod
    def of(cls, photo: np.ndarray, box: Box, halvings: int) -> Canvas:
        """A part of a photo uint8 H×W×3."""
        left, top, right, bottom = box
        part = torch.from_numpy(photo[top:bottom, left:right].copy()).permute(2, 0, 1)[None]
        part, sizes = part.float() / 255, []
        for _ in range(halvings):
            sizes.append(tuple(part.shape[2:]))
            part = halve(part)
        return cls(box, tuple(sizes), part)

    @property
    def halvings(self) -> int:
        return len(self.sizes)

    def sight(self, chip: Chip, scale: float = 1.0) -> Sight:
        """How a chip shows the canvas; scale: of the picture that the chip is of, to the photo."""
        step, zoom = 2**self.halvings, 2**chip.levels
        pixels = np.arange(chip.pixels, dtype=np.float64)
        x, y = np.meshgrid(pixels, pixels)
        own = np.stack([x, y, np.ones_like(x)], -1) @ chip.matrix.T  # pixels of the chip's level
        own = own * zoom + FIRST * (zoom - 1) + chip.box[:2]
        photo = (own + 0.5) / scale - 0.5
        places = (photo - self.box[:2] - FIRST * (step - 1)) / step
        between = (0, 0)
        if scale == 1 and chip.levels == self.halvings:
            apart = np.subtract(chip.box[:2], self.box[:2]) % step
            between = tuple(int(each) for each in np.rint(2 * apart / step) % 2)
        height, width = self.halved.shape[2:]
        places = places - np.divide(between, 2)
        return Sight(torch.from_numpy(2 * places / (width - 1, height - 1) - 1).float(), between)

    def shown(self, change: Tensor, sights: list[Sight]) -> Tensor:
        """A change 1×3×h×w of the canvas as V chips show it: V×3×S×S."""
        chips = []
        for each in sights:
            seen = change
            for axis, between in zip((3, 2), each.between, strict=True):
                line = torch.tensor(SMOOTHED[between]).to(change) / 128
                shape = [3, 1, 1, 1]
                shape[axis] = len(line)
                ends = (1, 2) if between else (2, 2)
                pad = (*ends, 0, 0) if axis == 3 else (0, 0, *ends)
                kernel = line.view([1, 1, *(shape[2:])]).expand(3, 1, -1, -1)
                seen = F.conv2d(F.pad(seen, pad, mode="replicate"), kernel, groups=3)
            chips.append(F.grid_sample(seen, each.grid[None].to(change), align_corners=True))
        return torch.cat(chips)

    @torch.no_grad()
    def pasted(self, photo: np.ndarray, change: Tensor, *, grey: bool = False) -> np.ndarray:
        """The photo uint8 H×W×3 with a change 1×3×h×w of the canvas in it; grey: it stays so."""
        for size in reversed(self.sizes):
            change = larger(change, size, FIRST)
        left, top, right, bottom = self.box
        levels = 255 * change[0].permute(1, 2, 0).cpu().numpy()
        part = photo[top:bottom, left:right]
        return put_back(photo, self.box, on_levels(part, levels, grey=grey))


def bayer(side: int = BAYER) -> np.ndarray:
    """Bayer's ordered pattern, side×side (a power of two), evenly spread between 0 and 1."""
    pattern = np.zeros((1, 1))
    while len(pattern) < side:
        pattern = np.block([[4 * pattern, 4 * pattern + 2], [4 * pattern + 3, 4 * pattern + 1]])
    return (pattern + 0.5) / pattern.size


def on_levels(pixels: np.ndarray, change: np.ndarray, *, grey: bool = False) -> np.ndarray:
    """uint8 h×w×3 and a change in levels -> uint8, the change kept in the mean of neighbours.

    grey: all three planes are put on the same levels.
    """
    height, width = pixels.shape[:2]
    pattern = bayer()
    shifts = [(0, 0)] * 3 if grey else [(0, 0), (3, 5), (5, 3)]
    tile = np.stack([np.roll(pattern, shift, (0, 1)) for shift in shifts], 2)
    repeats = (-(-height // BAYER), -(-width // BAYER), 1)
    threshold = np.tile(tile, repeats)[:height, :width]
    moved = np.clip(np.floor(pixels + change + threshold), 0, 255).astype(np.uint8)
    return np.where(np.abs(change) < LEAST, pixels, moved)
