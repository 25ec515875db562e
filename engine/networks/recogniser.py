"""The face recogniser: dlib's ResNet (D. King, model v1) in PyTorch, so that gradients flow.

A face chip (see `engine.faces.chip`) goes in, 128 numbers come out, its descriptor. Two photos are
the same person when their descriptors are closer than 0.6 (Euclidean). Weights: CC0, stored in half
precision and computed in single; what that costs is in `engine/models/weights/recogniser.json`.
Needs torch and safetensors; imported lazily.
"""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from ..errors import WeightsError
from ..models.locate import locate
from ..models.registry import RECOGNISER
from .faces.described import describe

SIDE = 150  # pixels of a chip, both ways
MEAN = (122.782, 117.001, 104.298)  # of RGB 0…255, as dlib subtracts it
WIDTHS = (32, 32, 32, 64, 64, 64, 64, 128, 128, 128, 256, 256, 256, 256)
DOWN = (3, 7, 10, 13)  # blocks that halve height and width


def _grow(x: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Zeros at the end of channels, rows and columns: n×C×H×W -> n×shape."""
    channels, height, width = (want - have for want, have in zip(shape, x.shape[1:], strict=True))
    if channels == height == width == 0:
        return x
    return F.pad(x, (0, width, 0, height, 0, channels))


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut, dlib's affine layers folded in; a down-block halves."""

    def __init__(self, inputs: int, outputs: int, down: bool):
        super().__init__()
        stride, padding = (2, 0) if down else (1, 1)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=padding)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        shortcut = F.avg_pool2d(x, 2) if self.down else x
        sizes = zip(y.shape[1:], shortcut.shape[1:], strict=True)
        shape = tuple(max(pair) for pair in sizes)
        return F.relu(_grow(y, shape) + _grow(shortcut, shape))


class Recogniser(nn.Module):
    """Face chips float32 n×3×150×150, RGB in 0…1 -> descriptors float32 n×128."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        inputs = (32, *WIDTHS)
        self.blocks = nn.ModuleList(
            Block(i, o, level in DOWN)
            for level, (i, o) in enumerate(zip(inputs, WIDTHS, strict=False))
        )
        self.fc = nn.Linear(256, 128, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        x = (chips * 255 - self.mean) / 256
        x = x.contiguous(memory_format=torch.channels_last)  # a third faster on the CPU
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2)
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))

    def describe(self, chips: np.ndarray) -> np.ndarray:
        """uint8 n×150×150×3 -> descriptors float32 n×128."""
        return describe(self, chips)


@lru_cache(maxsize=1)
def load_recogniser(weights: str | os.PathLike | None = None, device: str = "cpu") -> Recogniser:
    """The recogniser with its weights, frozen. weights as in `engine.models.locate.locate`.

    Raises WeightsError.
    """
    path = locate(RECOGNISER, weights).path
    network = Recogniser()
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except Exception as error:  # safetensors and torch raise different ones
        raise WeightsError(f"{path} does not hold the recogniser ({error}): get it again") from None
    network = network.to(device, memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)
