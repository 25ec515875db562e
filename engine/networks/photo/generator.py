"""The E-D generator for photographs, in PyTorch: a U-Net that is given the panel's evidence.

With 1,000 classes a network cannot have an input per label, as the one for CIFAR-10 has. What it
is given of a label instead is what supports it: each classifier's class activation map by channel
(`EfficientNetLite.evidence`, whose sum over channels is the CAM), which a 1×1 convolution
projects to a few channels at the resolution of the classifier's last feature map.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..panel import scale_maps
from .efficientnet import WIDTH

STRIDE = 32  # the input is padded to a multiple of this
LEVELS = (32, 64, 128, 192, 256)  # channels at 1/2, 1/4 … 1/32 of the input's resolution
PROJECTED = 48  # channels that one classifier's evidence is projected to
SCALE = 100.0  # a logit of 10 is a sum over 1,280 channels: brought to the order of one
CODE = 128  # width of the vector of what is the same at each pixel


class Residual(nn.Module):
    """Two 3×3 convolutions around a shortcut, their channels scaled and shifted by the code."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = nn.Linear(CODE, 2 * channels)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        with torch.no_grad():
            self.conv2.weight.mul_(0.2)  # near the identity: no normalisation is needed

    def forward(self, x: Tensor, code: Tensor) -> Tensor:  # N×C×H×W, N×CODE
        scale, shift = self.modulation(code)[:, :, None, None].chunk(2, 1)
        z = self.conv1(F.leaky_relu(x, 0.1)) * (1 + scale) + shift
        return x + self.conv2(F.leaky_relu(z, 0.1))


class PhotoGenerator(nn.Module):
    """From a photo, what a panel saw of it, and a strength to the JND image E (eq. 3).

    Encoder and decoder of five resolutions with skips, one residual block at each on both sides;
    the last step up is a rearrangement of channels. Any height and width: padded to a multiple of
    32 by replication, and cropped.
    """

    def __init__(self, members: int = 3, levels: tuple[int, ...] = LEVELS):
        super().__init__()
        self.members, self.levels = members, levels
        self.project = nn.ModuleList(nn.Conv2d(WIDTH, PROJECTED, 1) for _ in range(members))
        self.code = nn.Sequential(
            nn.Linear(members * (PROJECTED + 1) + 2, CODE), nn.LeakyReLU(0.1), nn.Linear(CODE, CODE)
        )
        self.stem = nn.Conv2d(3 + members, levels[0], 4, stride=2, padding=1)
        pairs = list(pairwise(levels))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in pairs)
        self.encoder = nn.ModuleList(Residual(width) for width in levels)
        self.decoder = nn.ModuleList(Residual(width) for width in levels)
        self.enter = nn.Conv2d(levels[-1] + members * PROJECTED, levels[-1], 1)
        self.leave = nn.Conv2d(levels[0], 64, 1)  # 16 channels at full resolution
        self.output = nn.Conv2d(16 + 3, 3, 3, padding=1)
        with torch.no_grad():
            self.output.weight.mul_(0.3)

    def forward(
        self, x: Tensor, evidence: Tensor, confidence: Tensor, strength: Tensor, keep: Tensor
    ) -> Tensor:
        """The JND image E, float32 N×3×H×W in -1…1.

        x float32 N×3×H×W in -1…1. evidence float32 N×P×1280×h×w: each classifier's CAM by channel,
        of the label that it is to keep; confidence float32 N×P: the probability of that label;
        strength float32 N: the multiple of the usual magnitude; keep float32 N: 1 where the
        confidence is to be kept as well, 0 where the label alone.
        """
        height, width = x.shape[2], x.shape[3]
        # eq. 2's maps, apart; whole numbers of pixels, so that padding leaves them in place
        cams = torch.cat(
            [
                scale_maps(evidence[:, n].sum(1, keepdim=True), height, width)
                for n in range(self.members)
            ],
            1,
        )
        z = F.pad(
            torch.cat([x, cams.to(x.dtype)], 1),
            (0, -width % STRIDE, 0, -height % STRIDE),
            mode="replicate",
        )
        picture = z[:, :3]
        maps = [layer(SCALE * evidence[:, n]) for n, layer in enumerate(self.project)]
        projected = torch.cat(maps, 1)  # N×P·PROJECTED×h×w
        odds = torch.logit(confidence.clamp(1e-3, 1 - 1e-3)) / 4
        code = self.code(
            torch.cat([projected.mean((2, 3)), odds, strength[:, None], keep[:, None]], 1)
        )
        code = F.leaky_relu(code, 0.1)
        z = self.stem(z)
        skipped = []
        for level, block in enumerate(self.encoder):
            if level:
                skipped.append(z)
                z = self.down[level - 1](z)
            if level == len(self.encoder) - 1:
                at = F.interpolate(
                    projected, size=z.shape[2:], mode="bilinear", align_corners=False
                )
                z = self.enter(torch.cat([z, at], 1))
            z = block(z, code)
        for level in reversed(range(len(self.decoder))):
            z = self.decoder[level](z, code)
            if level:
                z = F.pixel_shuffle(self.up[level - 1](z), 2) + skipped.pop()
        z = F.pixel_shuffle(F.leaky_relu(self.leave(z), 0.1), 2)  # N×16×H×W
        change = self.output(torch.cat([z, picture], 1))
        return torch.tanh(change.float())[:, :, :height, :width]
