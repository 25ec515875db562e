"""Further classifiers that only help to train a generator for transfer; they never ship.

They are neither in the panel nor among the unseen machines, and each sees pictures in its own way:
parallel filters of several sizes, mixed patches.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.networks.classifiers import CIFAR10_CLASSES, Classifier
from engine.networks.layers import ConvNorm


class Branches(nn.Module):
    """1×1, 3×3 and 5×5 filters side by side (Szegedy et al. 2015)."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool = True):
        super().__init__()
        parts = (outputs // 4, outputs // 2, outputs // 4)
        self.branches = nn.ModuleList(
            ConvNorm(inputs, part, kernel, norm=norm)
            for part, kernel in zip(parts, (1, 3, 5), strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(torch.cat([branch(x) for branch in self.branches], 1))


class Inception(Classifier):
    """Branches of several filter sizes at three resolutions."""

    width = 256

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.stem = ConvNorm(3, 48, 3, norm=norm)
        self.stack = nn.Sequential(
            nn.MaxPool2d(2),
            Branches(48, 96, norm=norm),
            Branches(96, 128, norm=norm),
            nn.MaxPool2d(2),
            Branches(128, 192, norm=norm),
            Branches(192, self.width, norm=norm),
        )

    def body(self, x: Tensor) -> Tensor:
        return self.stack(F.relu(self.stem(x)))


class MixerBlock(nn.Module):
    """A 5×5 filter per channel with a shortcut, then 1×1 (Trockman & Kolter 2022)."""

    def __init__(self, channels: int, *, norm: bool = True):
        super().__init__()
        self.spatial = ConvNorm(channels, channels, 5, groups=channels, norm=norm)
        self.mix = ConvNorm(channels, channels, 1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.mix(x + F.gelu(self.spatial(x))))


class Mixer(Classifier):
    """Patches of 2×2 and six mixer blocks at one resolution."""

    width = 160

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.patches = ConvNorm(3, self.width, 2, stride=2, norm=norm)
        self.blocks = nn.Sequential(*(MixerBlock(self.width, norm=norm) for _ in range(6)))

    def body(self, x: Tensor) -> Tensor:
        return self.blocks(F.gelu(self.patches(x)))


ASSISTANTS: dict[str, type[Classifier]] = {"inception": Inception, "mixer": Mixer}
