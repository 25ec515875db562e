"""The panel of classifiers and the E-D generator of the machine JND, in PyTorch.

Imported lazily, by training, by export and by the gradient search, never by `machine_jnd`,
which runs the exported graphs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .classifiers import CIFAR10_CLASSES, Classifier
from .layers import ConvNorm


def scale_maps(maps: Tensor, height: int, width: int) -> Tensor:
    """Bilinear to image size, then min-max scaled per image and map: N×P×h×w -> N×P×H×W in 0…1.

    A map that is flat but for rounding becomes zero everywhere, never NaN.
    """
    maps = F.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)
    low = maps.amin((2, 3), keepdim=True)
    high = maps.amax((2, 3), keepdim=True)
    rounding = 1e-5 * torch.maximum(low.abs(), high.abs()) + 1e-6
    flat = high - low <= rounding
    return torch.where(flat, 0.0, (maps - low) / torch.where(flat, 1.0, high - low))


class Panel(nn.Module):
    """The panel of machines: what each classifier answers and where it looks (paper A, eq. 2)."""

    def __init__(self, classifiers: dict[str, Classifier]):
        super().__init__()
        self.classifiers = nn.ModuleDict(classifiers)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.classifiers)

    def logits(self, x: Tensor, members: Sequence[str] | None = None) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×P×classes, of all or of the members named."""
        return torch.stack([self.classifiers[name](x) for name in members or self.names], 1)

    def look(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """float32 N×3×H×W in 0…1 -> (logits N×P×classes, P unscaled maps N×1×h×w)."""
        logits, maps = [], []
        for classifier in self.classifiers.values():
            scores, own = classifier.look(x)
            logits.append(scores)
            maps.append(own)
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

    The paper's network sees the merged CAM (eq. 2). Our extensions: with `conditioned=True` it
    sees each of the panel's CAMs, and each classifier's label and the strength asked for shift
    the channels of every layer; with `confident=True` the panel's probabilities do so as well;
    with `skips=True` what the encoder saw at a resolution is added to what the decoder makes at it.
    """

    def __init__(
        self,
        *,
        conditioned: bool = False,
        confident: bool = False,
        skips: bool = False,
        members: int = 4,
        classes: int = len(CIFAR10_CLASSES),
        norm: bool = True,
    ):
        super().__init__()
        self.conditioned, self.confident, self.skips = conditioned, confident, skips
        self.classes = classes
        inputs = 3 + (members if conditioned else 1)
        down = ((inputs, 64, 1), (64, 128, 2), (128, 256, 2), (256, 64, 2))
        up = ((64, 256), (256, 128), (128, 64))
        self.encoder = nn.ModuleList(ConvNorm(i, o, pool=p, norm=norm) for i, o, p in down)
        self.decoder = nn.ModuleList(ConvNorm(i, o, 2, transpose=True, norm=norm) for i, o in up)
        self.output = nn.Conv2d(64, 3, 3, padding=1)
        if conditioned:
            widths = [o for _, o, *_ in (*down, *up)]
            told = (1 + confident) * members * classes + 1
            self.shifts = nn.ModuleList(nn.Linear(told, o) for o in widths)

    def forward(
        self,
        x: Tensor,
        cams: Tensor,
        labels: Tensor,
        strength: Tensor,
        logits: Tensor | None = None,
    ) -> Tensor:
        """The JND image E, float32 N×3×H×W in -1…1.

        x float32 N×3×H×W in -1…1, cams float32 N×P×H×W in 0…1; labels int64 N×P, what each
        classifier is to say, and strength float32 N, the multiple of the usual magnitude, are for
        a conditioned network; logits float32 N×P×classes, what each says of x, for a confident one.
        """
        height, width = x.shape[2], x.shape[3]
        maps = cams if self.conditioned else cams.mean(1, keepdim=True)  # eq. 2
        z = torch.cat([x, maps], 1)
        z = F.pad(z, (0, -width % 8, 0, -height % 8), mode="replicate")
        said = F.one_hot(labels, self.classes).flatten(1).to(x.dtype)
        said = torch.cat([said, strength[:, None]], 1)  # N×(P·classes + 1)
        if self.confident:
            said = torch.cat([said, logits.softmax(2).flatten(1)], 1)
        seen: list[Tensor] = []
        for level, layer in enumerate((*self.encoder, *self.decoder)):
            z = layer(z)
            if self.conditioned:
                z = z + self.shifts[level](said)[:, :, None, None]
            z = F.leaky_relu(z)
            if level < len(self.encoder) - 1:
                seen.append(z)
            elif self.skips and level >= len(self.encoder):
                z = z + seen.pop()
        return torch.tanh(self.output(z))[:, :, :height, :width]
