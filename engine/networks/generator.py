"""The E-D generator of the machine JND (paper A, Fig. 4), in PyTorch.

For training, for export and for the gradient search; `machine_jnd` runs the exported graph.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .classifiers import CIFAR10_CLASSES
from .layers import ConvNorm


class Generator(nn.Module):
    """The E-D network of paper A (eq. 3, Fig. 4): from a picture and its CAMs to the JND image.

    Encoder: four 3×3 convolutions, 2×2 max-pooling after the last three. Decoder: three 2×2
    deconvolutions of stride 2, a 3×3 convolution, tanh; LeakyReLU between all. Any height and
    width: the input is padded by replication to a multiple of eight and the output cropped.

    The paper's network sees the merged CAM (eq. 2). Our extensions: with `conditioned=True` it
    sees each of the panel's CAMs, and each classifier's label and a strength shift
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
            conditions = (1 + confident) * members * classes + 1
            self.shifts = nn.ModuleList(nn.Linear(conditions, o) for o in widths)

    def forward(
        self,
        x: Tensor,
        cams: Tensor,
        labels: Tensor,
        strength: Tensor,
        logits: Tensor | None = None,
    ) -> Tensor:
        """The JND image E, float32 N×3×H×W in -1…1.

        x float32 N×3×H×W in -1…1, cams float32 N×P×H×W in 0…1; labels int64 N×P, which
        each classifier is to predict, and strength float32 N, the multiple of the usual magnitude,
        are for a conditioned network; logits float32 N×P×classes, the classifiers' for x, for a
        confident one.
        """
        height, width = x.shape[2], x.shape[3]
        maps = cams if self.conditioned else cams.mean(1, keepdim=True)  # eq. 2
        z = torch.cat([x, maps], 1)
        z = F.pad(z, (0, -width % 8, 0, -height % 8), mode="replicate")
        condition = F.one_hot(labels, self.classes).flatten(1).to(x.dtype)
        condition = torch.cat([condition, strength[:, None]], 1)  # N×(P·classes + 1)
        if self.confident:
            condition = torch.cat([condition, logits.softmax(2).flatten(1)], 1)
        skipped: list[Tensor] = []
        for level, layer in enumerate((*self.encoder, *self.decoder)):
            z = layer(z)
            if self.conditioned:
                z = z + self.shifts[level](condition)[:, :, None, None]
            z = F.leaky_relu(z)
            if level < len(self.encoder) - 1:
                skipped.append(z)
            elif self.skips and level >= len(self.encoder):
                z = z + skipped.pop()
        return torch.tanh(self.output(z))[:, :, :height, :width]
