"""The panel's classifiers in PyTorch: AlexNet, VGG, ResNet, DenseNet in compact CIFAR form.

Each ends in global average pooling and one linear layer, so that its class activation map
(Zhou et al. 2016) is exact: CAM_c(p) = sum_k w_ck * feature_k(p). Input is always float32 NCHW
RGB in 0…1; normalisation is part of the network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import ConvNorm

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


class WhitenedStem(nn.Module):
    """A 2×2 convolution with frozen, whitening filters (as in cifar10-airbench), then GELU.

    `whiten` sets its filters to the eigenvectors of the 2×2 patches of real images, scaled to
    unit variance, and their negatives: 3 -> 24 channels, same height and width.
    """

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 2)
        self.conv.weight.requires_grad_(False)

    @torch.no_grad()
    def whiten(self, images: Tensor) -> None:  # normalised N×3×H×W
        patches = F.unfold(images, 2).transpose(1, 2).reshape(-1, 12)  # (N·P)×12
        values, vectors = torch.linalg.eigh(torch.cov(patches.T))
        filters = (vectors / (values + 5e-4).sqrt()).T.reshape(12, 3, 2, 2)
        self.conv.weight.copy_(torch.cat([filters, -filters]))
        self.conv.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.conv(F.pad(x, (0, 1, 0, 1))))


class Classifier(nn.Module, ABC):
    """Normalise, extract features, pool them globally, classify with one linear layer.

    A trained classifier averages the feature maps of the picture and of its mirror image, the
    latter flipped back: its prediction is the same for both, and about one point of accuracy
    better. In training mode it uses the picture alone.
    """

    width: int  # channels of the last feature map

    def __init__(self, classes: int = len(CIFAR10_CLASSES)):
        super().__init__()
        # Mean and standard deviation of the CIFAR-10 training images, in 0…1.
        self.register_buffer("mean", torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2470, 0.2435, 0.2616]).view(1, 3, 1, 1))
        self.linear = nn.Linear(self.width, classes)

    def normalise(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std

    @abstractmethod
    def body(self, x: Tensor) -> Tensor:
        """Normalised N×3×H×W -> N×K×h×w, non-negative (after the last ReLU)."""

    def features(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> N×K×h×w, the map that the CAM is made of."""
        x = self.normalise(x)
        if self.training:
            return self.body(x)
        both = self.body(torch.cat([x, x.flip(3)]))
        return (both[: len(x)] + both[len(x) :].flip(3)) / 2

    def forward(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×classes."""
        return self.linear(self.features(x).mean((2, 3)))

    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float32 N×3×H×W in 0…1 -> (logits N×classes, CAM of the top-1 N×1×h×w, unscaled).

        The class activation map is exact (Zhou et al. 2016).
        """
        features = self.features(x)
        logits = self.linear(features.mean((2, 3)))
        chosen = self.linear.weight[logits.argmax(1)]  # N×K
        return logits, torch.einsum("nk,nkhw->nhw", chosen, features)[:, None]


class AlexNet(Classifier):
    """Five convolutions, the first large and strided, overlapping max-pooling (Krizhevsky 2012)."""

    width = 192

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.conv1 = ConvNorm(3, 64, 5, stride=2, norm=norm)
        self.conv2 = ConvNorm(64, 128, norm=norm)
        self.conv3 = ConvNorm(128, 192, norm=norm)
        self.conv4 = ConvNorm(192, 192, norm=norm)
        self.conv5 = ConvNorm(192, self.width, norm=norm)

    def body(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))  # 64, H/2
        x = F.max_pool2d(F.relu(self.conv2(x)), 3, 2, 1)  # 128, H/4
        x = F.relu(self.conv3(x))
        x = F.relu(self.conv4(x))
        return F.relu(self.conv5(x))


class Stacked(Classifier):
    """A whitened stem and a stack of layers, which end in a ReLU."""

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.stem = WhitenedStem()
        self.layers = nn.Sequential(*self.stack(norm))

    @abstractmethod
    def stack(self, norm: bool) -> list[nn.Module]:
        """The layers, from 24 channels to `width`."""

    def body(self, x: Tensor) -> Tensor:
        return self.layers(self.stem(x))


class VGG(Stacked):
    """Plain stacks of 3×3 convolutions between poolings (Simonyan & Zisserman 2015)."""

    width = 256

    def stack(self, norm: bool) -> list[nn.Module]:
        return [
            ConvNorm(24, 64, pool=2, norm=norm),  # H/2
            nn.ReLU(),
            ConvNorm(64, 128, pool=2, norm=norm),  # H/4
            nn.ReLU(),
            ConvNorm(128, 192, norm=norm),
            nn.ReLU(),
            ConvNorm(192, self.width, pool=2, norm=norm),  # H/8
            nn.ReLU(),
            ConvNorm(self.width, self.width, norm=norm),
            nn.ReLU(),
            ConvNorm(self.width, self.width, norm=norm),
            nn.ReLU(),
        ]


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut."""

    def __init__(self, channels: int, *, norm: bool = True):
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, norm=norm)
        self.conv2 = ConvNorm(channels, channels, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.conv2(F.relu(self.conv1(x))))


class ResNet(Stacked):
    """Residual blocks at two resolutions (He et al. 2016), in the nine-layer form of DAWNBench."""

    width = 256

    def stack(self, norm: bool) -> list[nn.Module]:
        return [
            ConvNorm(24, 64, pool=2, norm=norm),  # H/2
            nn.ReLU(),
            ConvNorm(64, 128, pool=2, norm=norm),  # H/4
            nn.ReLU(),
            ResidualBlock(128, norm=norm),
            ConvNorm(128, self.width, pool=2, norm=norm),  # H/8
            nn.ReLU(),
            ResidualBlock(self.width, norm=norm),
        ]


class DenseBlock(nn.Module):
    """Each layer sees all earlier ones and adds `growth` channels (Huang et al. 2017).

    Convolution, normalisation, ReLU in this order, not pre-activated as in the paper: the
    normalisation can then be folded away, and nothing is normalised twice.
    """

    def __init__(self, inputs: int, growth: int, layers: int, *, norm: bool = True):
        super().__init__()
        self.layers = nn.ModuleList(
            ConvNorm(inputs + i * growth, growth, norm=norm) for i in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, F.relu(layer(x))], 1)
        return x


class DenseNet(Stacked):
    """Three dense blocks joined by pooled 1×1 transitions (Huang et al. 2017)."""

    width = 256

    def stack(self, norm: bool) -> list[nn.Module]:
        return [
            ConvNorm(24, 64, pool=2, norm=norm),  # H/2
            nn.ReLU(),
            DenseBlock(64, 32, 2, norm=norm),  # -> 128
            ConvNorm(128, 128, 1, pool=2, norm=norm),  # H/4
            nn.ReLU(),
            DenseBlock(128, 64, 4, norm=norm),  # -> 384
            ConvNorm(384, 256, 1, pool=2, norm=norm),  # H/8
            nn.ReLU(),
            DenseBlock(256, 64, 3, norm=norm),  # -> 448
            ConvNorm(448, self.width, 1, norm=norm),
            nn.ReLU(),
        ]


CLASSIFIERS: dict[str, type[Classifier]] = {
    "alexnet": AlexNet,
    "vgg": VGG,
    "resnet": ResNet,
    "densenet": DenseNet,
}
