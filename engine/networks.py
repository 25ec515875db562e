"""The networks of the machine JND, in PyTorch: four classifiers and the E-D generator.

The only module of the runtime's numerical core that needs torch; it is imported lazily, by
training, by export and by the gradient search, never by `machine_jnd`, which runs the
exported graphs.

Every classifier ends in global average pooling and one linear layer, so that its class
activation map (Zhou et al. 2016) is exact: CAM_c(p) = sum_k w_ck * feature_k(p).

Every convolution is written as `ConvNorm`: while training it carries a batch normalisation;
`fold` merges that into the convolution, and the folded network (`norm=False`) is what is
shipped, exported and attacked. Input is always float32 NCHW RGB in 0…1; normalisation is
part of the network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

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


class ConvNorm(nn.Module):
    """Convolution (same padding), max-pooling by `pool`, batch normalisation unless `norm=False`.

    `transpose=True` makes it a deconvolution whose kernel equals its stride. The normalisation's
    scale is fixed at one (a ReLU and the next convolution make it redundant), hence positive, so
    that it commutes with the pooling and can be folded into the convolution before it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        pool: int = 1,
        transpose: bool = False,
        norm: bool = True,
    ):
        super().__init__()
        if transpose:
            self.conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride=kernel, bias=not norm)
        else:
            self.conv = nn.Conv2d(
                inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=not norm
            )
        self.pool = nn.MaxPool2d(pool) if pool > 1 else nn.Identity()
        self.bn = nn.BatchNorm2d(outputs) if norm else nn.Identity()
        if norm:
            self.bn.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.pool(self.conv(x)))


class WhitenedStem(nn.Module):
    """A frozen 2×2 convolution that whitens patches (as in cifar10-airbench), then GELU.

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
    """Normalise, extract features, pool them globally, classify with one linear layer."""

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
    def features(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> N×K×h×w, non-negative (after the last ReLU)."""

    def forward(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×classes."""
        return self.linear(self.features(x).mean((2, 3)))


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

    def features(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(self.normalise(x)))  # 64, H/2
        x = F.max_pool2d(F.relu(self.conv2(x)), 3, 2, 1)  # 128, H/4
        x = F.relu(self.conv3(x))
        x = F.relu(self.conv4(x))
        return F.relu(self.conv5(x))


class VGG(Classifier):
    """Plain stacks of 3×3 convolutions between poolings (Simonyan & Zisserman 2015)."""

    width = 256

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.stem = WhitenedStem()
        self.layers = nn.Sequential(
            ConvNorm(24, 64, pool=2, norm=norm),  # H/2
            nn.ReLU(),
            ConvNorm(64, 64, norm=norm),
            nn.ReLU(),
            ConvNorm(64, 192, pool=2, norm=norm),  # H/4
            nn.ReLU(),
            ConvNorm(192, 192, norm=norm),
            nn.ReLU(),
            ConvNorm(192, self.width, pool=2, norm=norm),  # H/8
            nn.ReLU(),
            ConvNorm(self.width, self.width, norm=norm),
            nn.ReLU(),
        )

    def features(self, x: Tensor) -> Tensor:
        return self.layers(self.stem(self.normalise(x)))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut."""

    def __init__(self, channels: int, *, norm: bool = True):
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, norm=norm)
        self.conv2 = ConvNorm(channels, channels, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.conv2(F.relu(self.conv1(x))))


class ResNet(Classifier):
    """Residual blocks at two resolutions (He et al. 2016), in the nine-layer form of DAWNBench."""

    width = 256

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.stem = WhitenedStem()
        self.layers = nn.Sequential(
            ConvNorm(24, 64, pool=2, norm=norm),  # H/2
            nn.ReLU(),
            ConvNorm(64, 128, pool=2, norm=norm),  # H/4
            nn.ReLU(),
            ResidualBlock(128, norm=norm),
            ConvNorm(128, self.width, pool=2, norm=norm),  # H/8
            nn.ReLU(),
            ResidualBlock(self.width, norm=norm),
        )

    def features(self, x: Tensor) -> Tensor:
        return self.layers(self.stem(self.normalise(x)))


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


class DenseNet(Classifier):
    """Three dense blocks joined by pooled 1×1 transitions (Huang et al. 2017)."""

    width = 256

    def __init__(self, classes: int = len(CIFAR10_CLASSES), *, norm: bool = True):
        super().__init__(classes)
        self.stem = WhitenedStem()
        self.layers = nn.Sequential(
            ConvNorm(24, 64, pool=2, norm=norm),  # H/2
            nn.ReLU(),
            DenseBlock(64, 32, 3, norm=norm),  # -> 160
            ConvNorm(160, 128, 1, pool=2, norm=norm),  # H/4
            nn.ReLU(),
            DenseBlock(128, 64, 4, norm=norm),  # -> 384
            ConvNorm(384, 256, 1, pool=2, norm=norm),  # H/8
            nn.ReLU(),
            DenseBlock(256, 64, 3, norm=norm),  # -> 448
            ConvNorm(448, self.width, 1, norm=norm),
            nn.ReLU(),
        )

    def features(self, x: Tensor) -> Tensor:
        return self.layers(self.stem(self.normalise(x)))


CLASSIFIERS: dict[str, type[Classifier]] = {
    "alexnet": AlexNet,
    "vgg": VGG,
    "resnet": ResNet,
    "densenet": DenseNet,
}


@torch.no_grad()
def fold(network: nn.Module, folded: nn.Module) -> nn.Module:
    """Copy `network` into `folded` (the same class with `norm=False`), batch normalisation merged.

    Both compute the same function in evaluation mode, up to rounding.
    """
    state = {k: v.clone() for k, v in network.state_dict().items() if ".bn." not in k}
    for name, module in network.named_modules():
        if isinstance(module, ConvNorm) and isinstance(module.bn, nn.BatchNorm2d):
            bn = module.bn
            weight, bias = fuse_conv_bn_weights(
                module.conv.weight,
                module.conv.bias,
                bn.running_mean,
                bn.running_var,
                bn.eps,
                bn.weight,
                bn.bias,
                transpose=isinstance(module.conv, nn.ConvTranspose2d),
            )
            state[f"{name}.conv.weight"] = weight.detach()
            state[f"{name}.conv.bias"] = bias.detach()
    folded.load_state_dict(state)
    return folded.eval()


def class_maps(features: Tensor, logits: Tensor, weight: Tensor) -> Tensor:
    """Exact class activation map of each image's own top-1 class (Zhou et al. 2016).

    features N×K×h×w, logits N×classes, weight classes×K -> N×1×h×w, unscaled.
    """
    return torch.einsum("nk,nkhw->nhw", weight[logits.argmax(1)], features)[:, None]


def scale_maps(maps: Tensor, height: int, width: int) -> Tensor:
    """Bilinear to image size, then min-max scaled per image and map: N×P×h×w -> N×P×H×W in 0…1.

    A flat map becomes zero everywhere, never NaN.
    """
    maps = F.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)
    low = maps.amin((2, 3), keepdim=True)
    spread = maps.amax((2, 3), keepdim=True) - low
    return (maps - low) / spread.clamp_min(1e-6)


class Panel(nn.Module):
    """The panel of machines: what each classifier answers and where it looks (paper A, eq. 2)."""

    def __init__(self, classifiers: dict[str, Classifier]):
        super().__init__()
        self.classifiers = nn.ModuleDict(classifiers)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.classifiers)

    def logits(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×P×classes."""
        return torch.stack([classifier(x) for classifier in self.classifiers.values()], 1)

    def look(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """float32 N×3×H×W in 0…1 -> (logits N×P×classes, P unscaled maps N×1×h×w)."""
        logits, maps = [], []
        for classifier in self.classifiers.values():
            features = classifier.features(x)
            scores = classifier.linear(features.mean((2, 3)))
            logits.append(scores)
            maps.append(class_maps(features, scores, classifier.linear.weight))
        return torch.stack(logits, 1), maps

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float32 N×3×H×W in 0…1 -> (logits N×P×classes, CAMs N×P×H×W in 0…1)."""
        logits, maps = self.look(x)
        return logits, torch.cat([scale_maps(m, x.shape[2], x.shape[3]) for m in maps], 1)


class Generator(nn.Module):
    """The E-D network of paper A (eq. 3, Fig. 4): from a picture and its CAMs to the JND image.

    Encoder: four 3×3 convolutions, 2×2 max-pooling after the last three. Decoder: three 2×2
    deconvolutions of stride 2, a 3×3 convolution, tanh; LeakyReLU between all. Any height and
    width: the input is padded by replication to a multiple of eight and the output cropped.

    The paper's network sees the merged CAM (eq. 2). With `conditioned=True`, our extension, it
    sees each of the panel's CAMs, and each classifier's label shifts the channels of every layer.
    """

    def __init__(
        self,
        *,
        conditioned: bool = False,
        members: int = 4,
        classes: int = len(CIFAR10_CLASSES),
        norm: bool = True,
    ):
        super().__init__()
        self.conditioned, self.classes = conditioned, classes
        inputs = 3 + (members if conditioned else 1)
        down = ((inputs, 64, 1), (64, 128, 2), (128, 256, 2), (256, 64, 2))
        up = ((64, 256), (256, 128), (128, 64))
        self.encoder = nn.ModuleList(ConvNorm(i, o, pool=p, norm=norm) for i, o, p in down)
        self.decoder = nn.ModuleList(ConvNorm(i, o, 2, transpose=True, norm=norm) for i, o in up)
        self.output = nn.Conv2d(64, 3, 3, padding=1)
        if conditioned:
            widths = [o for _, o, *_ in (*down, *up)]
            self.shifts = nn.ModuleList(nn.Linear(members * classes, o) for o in widths)

    def forward(self, x: Tensor, cams: Tensor, labels: Tensor) -> Tensor:
        """The JND image E, float32 N×3×H×W in -1…1.

        x float32 N×3×H×W in -1…1, cams float32 N×P×H×W in 0…1, labels int64 N×P.
        """
        height, width = x.shape[2], x.shape[3]
        maps = cams if self.conditioned else cams.mean(1, keepdim=True)  # eq. 2
        z = torch.cat([x, maps], 1)
        z = F.pad(z, (0, -width % 8, 0, -height % 8), mode="replicate")
        said = F.one_hot(labels, self.classes).flatten(1).to(x.dtype)  # N×(P·classes)
        for level, layer in enumerate((*self.encoder, *self.decoder)):
            z = layer(z)
            if self.conditioned:
                z = z + self.shifts[level](said)[:, :, None, None]
            z = F.leaky_relu(z)
        return torch.tanh(self.output(z))[:, :, :height, :width]
