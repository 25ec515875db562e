"""Classifiers outside the panel: do their labels survive a distortion made against the panel?

Three families that the panel does not have, in compact CIFAR form, trained on the same pictures.
No generator ever takes a gradient from them. Like the panel's they end in global average pooling
and one linear layer.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .classifiers import CIFAR10_CLASSES, Classifier, Stacked
from .layers import ConvNorm


class InvertedResidual(nn.Module):
    """Widen by 1×1, filter each channel, narrow by 1×1 (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, *, widen: int = 4, norm: bool = True):
        super().__init__()
        inner = widen * inputs
        self.expand = ConvNorm(inputs, inner, 1, norm=norm)
        self.depthwise = ConvNorm(inner, inner, 3, groups=inner, norm=norm)
        self.project = ConvNorm(inner, outputs, 1, norm=norm)
        self.shortcut = inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        z = F.relu6(self.depthwise(F.relu6(self.expand(x))))
        z = self.project(z)
        return x + z if self.shortcut else z


class MobileNet(Stacked):
    """Inverted residuals at two resolutions (MobileNetV2)."""

    width = 256

    def stack(self, norm: bool) -> list[nn.Module]:
        return [
            ConvNorm(24, 48, pool=2, norm=norm),  # H/2
            nn.ReLU(),
            InvertedResidual(48, 48, norm=norm),
            InvertedResidual(48, 48, norm=norm),
            nn.MaxPool2d(2),  # H/4
            InvertedResidual(48, 96, norm=norm),
            InvertedResidual(96, 96, norm=norm),
            InvertedResidual(96, 96, norm=norm),
            ConvNorm(96, self.width, 1, norm=norm),
            nn.ReLU(),
        ]


class ConvNeXtBlock(nn.Module):
    """A 7×7 filter per channel, then a GELU between 1×1 convolutions (Liu et al. 2022).

    Batch instead of layer normalisation, so that it folds away.
    """

    def __init__(self, channels: int, *, norm: bool = True):
        super().__init__()
        self.depthwise = ConvNorm(channels, channels, 7, groups=channels, norm=norm)
        self.expand = nn.Conv2d(channels, 4 * channels, 1)
        self.project = ConvNorm(4 * channels, channels, 1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(F.gelu(self.expand(self.depthwise(x))))


class ConvNeXt(Classifier):
    """Patches of 2×2, ConvNeXt blocks at two resolutions; no stem in common with the panel."""

    width = 256

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.patches = ConvNorm(3, 64, 2, stride=2, norm=norm)  # H/2
        self.first = nn.Sequential(*(ConvNeXtBlock(64, norm=norm) for _ in range(2)))
        self.down = ConvNorm(64, 128, 2, stride=2, norm=norm)  # H/4
        self.second = nn.Sequential(*(ConvNeXtBlock(128, norm=norm) for _ in range(4)))
        self.head = ConvNorm(128, self.width, 1, norm=norm)

    def body(self, x: Tensor) -> Tensor:
        x = self.second(self.down(self.first(self.patches(x))))
        return F.relu(self.head(x))


class Attention(nn.Module):
    """A pre-normalised transformer block on tokens N×T×C (Dosovitskiy et al. 2021)."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.expand = nn.Linear(channels, 3 * channels)
        self.shrink = nn.Linear(3 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1))  # N×T×3×heads×C'
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)  # N×heads×T×C'
        x = x + self.project(mixed.transpose(1, 2).flatten(2))
        return x + self.shrink(F.gelu(self.expand(self.norm2(x))))


class ViT(Classifier):
    """A small vision transformer on 4×4 patches, cut by two convolutions (Xiao et al. 2021).

    Positions are encoded by a depthwise convolution of the tokens (Chu et al. 2021), for any size.
    """

    width = 128

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.patches = nn.Sequential(
            ConvNorm(3, 48, 3, pool=2, norm=norm),
            nn.ReLU(),
            ConvNorm(48, self.width, 3, pool=2, norm=norm),
        )
        self.places = nn.Conv2d(self.width, self.width, 3, padding=1, groups=self.width)
        self.blocks = nn.Sequential(*(Attention(self.width, 4) for _ in range(5)))
        self.norm = nn.LayerNorm(self.width)

    def body(self, x: Tensor) -> Tensor:
        z = self.patches(x)
        z = z + self.places(z)
        tokens = self.norm(self.blocks(z.flatten(2).transpose(1, 2)))  # N×T×K
        return tokens.transpose(1, 2).unflatten(2, (z.shape[2], z.shape[3]))


UNSEEN: dict[str, type[Classifier]] = {
    "mobilenet": MobileNet,
    "convnext": ConvNeXt,
    "vit": ViT,
}
