"""The first change of a face in one pass: what the iterative cloak looks for, learned.

A small U-Net sees a face chip, the human JND of it, and whom it is to lead to, and gives the
direction of a change, of size 1 in the metric P / J^½; how far to go is for the caller to find.
It is trained through dlib's recogniser and what photos go through (`training/train/faces`). No
weights of it ship, and no command uses it: it was not trained to its end. Needs torch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (48, 96, 160)
GOAL = 128  # numbers of dlib's descriptor
GAIN = 32.0  # the JND is given in units of 8 levels
LEAST = 0.5 / 255  # of a JND


class Double(nn.Module):
    """Two 3×3 convolutions, each with a ReLU after it."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.one = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.two = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.two(F.relu(self.one(x))))


class FirstChange(nn.Module):
    """chips, jnd float32 n×3×S×S in 0…1 (S a multiple of 8), goals n×128 -> changes n×3×S×S.

    goals: the descriptor to be led to; zeros: away from whom the chip shows. window: share of a
    change that is left at each pixel, S×S. The mean of P² / J is one level.
    """

    def __init__(self, window: Tensor, widths: tuple[int, int, int] = WIDTHS):
        super().__init__()
        self.register_buffer("window", window, persistent=False)
        first, second, third = widths
        self.down1 = Double(24, first)
        self.down2 = Double(first, second)
        self.middle = Double(second, third)
        self.goal = nn.Linear(GOAL, 2 * third)
        self.deep = Double(third, third)
        self.up2 = Double(third + second, second)
        self.up1 = Double(second + first, first)
        self.out = nn.Conv2d(first, 12, 3, padding=1)
        nn.init.zeros_(self.goal.weight)
        nn.init.zeros_(self.goal.bias)

    def forward(self, chips: Tensor, jnd: Tensor, goals: Tensor) -> Tensor:
        x = F.pixel_unshuffle(torch.cat([chips - 0.5, GAIN * jnd], 1), 2)
        fine = self.down1(x)
        middle = self.down2(F.max_pool2d(fine, 2))
        coarse = self.middle(F.max_pool2d(middle, 2))
        gain, shift = self.goal(goals)[:, :, None, None].chunk(2, 1)
        coarse = coarse + self.deep(coarse * (1 + gain) + shift)
        x = self.up2(torch.cat([F.interpolate(coarse, scale_factor=2.0), middle], 1))
        x = self.up1(torch.cat([F.interpolate(x, scale_factor=2.0), fine], 1))
        direction = F.pixel_shuffle(self.out(x), 2).float() * self.window
        length = direction.square().mean((1, 2, 3), keepdim=True).add(1e-12).sqrt()
        return (jnd.clamp_min(LEAST) / 255).sqrt() * direction / length
