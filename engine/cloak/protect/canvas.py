"""What each recogniser is given of a changed face, with a little of what it may be given elsewhere.

The change lives on the part of the photo around the face, halved as for the recogniser that halves
it least. Needs torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...attack.alignment import halve
from ...faces.chip import Chip
from ...faces.finder import Face
from ...faces.recognisers import RECOGNISERS
from ...images.parts import Box, grown
from ..broad.canvas import Canvas

AROUND = 8  # pixels of the canvas around the chips


@dataclass(frozen=True)
class Diversity:
    """How much alignment and resolution vary from step to step (Xie et al. 2019, for faces).

    turn, size, shift: standard deviations of a chip's turn in radians, of its size as a share, and
    of its place as a share of its side; smallest: of the sizes, as shares of the canvas's, to which
    it is reduced and enlarged again, in a share `often` of the steps.
    """

    turn: float = 0.05
    size: float = 0.06
    shift: float = 0.03
    smallest: float = 0.5
    often: float = 0.5


def moved(chip: Chip, diversity: Diversity, noise: torch.Generator) -> Chip:
    """The chip, turned, resized and shifted at random about its middle."""
    turn, size, *shift = torch.randn(4, generator=noise).tolist()
    turn, size = diversity.turn * turn, 1 + diversity.size * size
    middle = np.full(2, (chip.pixels - 1) / 2)
    cosine, sine = size * math.cos(turn), size * math.sin(turn)
    linear = chip.matrix[:, :2] @ np.array([[cosine, -sine], [sine, cosine]])
    centre = chip.matrix[:, :2] @ (middle + diversity.shift * chip.pixels * np.array(shift))
    start = centre + chip.matrix[:, 2] - linear @ middle
    return replace(chip, matrix=np.column_stack([linear, start]))


class Faces:
    """One face of a photo uint8 H×W×3 for several recognisers, by their names.

    canvas: the part that is changed; clean: that, float32 1×3×h×w in 0…1.
    """

    def __init__(self, photo: np.ndarray, face: Face, recognisers: list[str]):
        self.chips = {name: face.chip.framed(RECOGNISERS[name].framing) for name in recognisers}
        halvings = min(chip.levels for chip in self.chips.values())
        step, (height, width) = 2**halvings, photo.shape[:2]
        box = union([chip.box for chip in self.chips.values()])
        self.canvas = Canvas.of(photo, grown(box, AROUND * step, width, height), halvings)
        self.clean = self.canvas.halved
        # The same part, halved as for each recogniser: where a chip's pixels lie in it.
        self.levels = {name: chip.levels - halvings for name, chip in self.chips.items()}
        self.grids = {
            name: self.canvas
            if chip.levels == halvings
            else Canvas.of(photo, self.canvas.box, chip.levels)
            for name, chip in self.chips.items()
        }

    def chip(
        self, name: str, shown: Tensor, diversity: Diversity | None, noise: torch.Generator
    ) -> Tensor:
        """The canvas with a change, 1×3×h×w -> a recogniser's chip 1×3×S×S."""
        chip = self.chips[name]
        if diversity is not None:
            chip = moved(chip, diversity, noise)
            if float(torch.rand(1, generator=noise)) < diversity.often:
                share = float(torch.rand(1, generator=noise))
                shown = coarser(shown, diversity.smallest + (1 - diversity.smallest) * share)
        for _ in range(self.levels[name]):
            shown = halve(shown)
        sight, (height, width) = self.grids[name].sight(chip), shown.shape[2:]
        half = torch.tensor(sight.between) / torch.tensor([width - 1, height - 1])
        grid = (sight.grid + half)[None].to(shown)  # its own pixels, not those between
        return F.grid_sample(shown, grid, align_corners=True, padding_mode="zeros")


def coarser(x: Tensor, share: float) -> Tensor:
    """n×3×h×w reduced to a share of its size and enlarged again."""
    size = x.shape[2:]
    small = [max(8, round(share * side)) for side in size]
    x = F.interpolate(x, size=small, mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def union(boxes: list[Box]) -> Box:
    """The smallest part that holds all of them."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
