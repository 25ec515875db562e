"""The networks of HVS-SD in PyTorch: the eye's degradation, its attention, and the JND.

After Jin et al., "HVS-inspired signal degradation network for just noticeable difference
estimation", arXiv 2208.07583. Imported by training and export; `engine.human` runs the graph.

Three networks. `Degradation`, a compression autoencoder, stands in for what is lost between
the eye and the brain. Where its code matters to what it makes of the picture gives two attention
maps (`attention`), which need its gradients. `AttentionBranch` learns to predict them from the
picture alone, so that what ships (`HvsSd`) is one plain convolutional graph. `JndNetwork` makes the
threshold from the picture and the maps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..human.pattern import CHANNEL_WEIGHTS

VERSION = 2  # of the thresholds that ship; 1 was not averaged over a picture and its mirror image
MAPS = 4  # CAM, and CAM · gradient for R, G, B
STRIDE = 4  # the branch and the network work at a quarter of the resolution
USUAL = 0.03  # of 0…1: J where the network's output is zero, mean over R, G and B
RANGE = 3.0  # of the logarithm of J, up and down: a twentieth to twenty times
SHIFT = 0.3  # of the logarithm of a channel's share, up and down: three quarters to 1.35 times
MARGIN = 48  # pixels beyond which nothing changes a threshold; the two networks see 45


class DivisiveNormalisation(nn.Module):
    """GDN (Ballé et al. 2016): y_i = x_i / √(β_i + Σ_j γ_ij x_j²), or times it where inverse.

    β and γ are squares of what is learned, so that they stay positive. N×C×H×W -> N×C×H×W.
    """

    def __init__(self, channels: int, *, inverse: bool = False):
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.ones(channels))
        self.gamma = nn.Parameter(
            torch.full((channels, channels), 0.02) + 0.3 * torch.eye(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        weight = self.gamma.square()[:, :, None, None]
        norm = F.conv2d(x.square(), weight, self.beta.square() + 1e-6)
        return x * (norm.sqrt() if self.inverse else norm.rsqrt())


class Degradation(nn.Module):
    """Stage 1: three 5×5 convolutions of stride 2 with GDN, and the same way back.

    Rounding of the code is replaced by noise while training; a Laplace density with a learned
    width per channel stands for its cost in bits.
    """

    def __init__(self, channels: int = 128):
        super().__init__()
        half = {"kernel_size": 5, "stride": 2, "padding": 2}
        back = half | {"output_padding": 1}
        self.encoder = nn.Sequential(
            nn.Conv2d(3, channels, **half),
            DivisiveNormalisation(channels),
            nn.Conv2d(channels, channels, **half),
            DivisiveNormalisation(channels),
            nn.Conv2d(channels, channels, **half),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(channels, channels, **back),
            DivisiveNormalisation(channels, inverse=True),
            nn.ConvTranspose2d(channels, channels, **back),
            DivisiveNormalisation(channels, inverse=True),
            nn.ConvTranspose2d(channels, 3, **back),
        )
        self.width = nn.Parameter(torch.zeros(channels))  # log of the Laplace width

    def bits(self, code: Tensor) -> Tensor:
        """Bits per picture element of a code N×C×h×w, each step of it one apart -> N."""
        width = self.width.exp()[:, None, None]
        nats = code.abs() / width + (2 * width).log()
        return nats.sum((1, 2, 3)).clamp_min(0) / (64 * code[0, 0].numel() * 0.6931472)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float32 N×3×H×W in 0…1, H and W multiples of 8 -> reconstruction, code N×C×H/8×W/8."""
        code = self.encoder(x - 0.5)
        noise = torch.rand_like(code) - 0.5 if self.training else code.round() - code
        return self.decoder(code + noise.detach()) + 0.5, code


def attention(degradation: Degradation, x: Tensor) -> Tensor:
    """The two attention maps of a picture, from the autoencoder's gradients: N×4×H×W in 0…1.

    Grad-CAM of the code against the reconstruction error, ReLU(Σ_k mean(∂MSE/∂y_k)·y_k), bilinear
    to the picture's size and scaled to 0…1 per picture; and that map times |∂MSE/∂x|, which is
    scaled to its 99th percentile. x float32 N×3×H×W in 0…1, H and W multiples of 8.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        code = degradation.encoder(x - 0.5)
        error = (degradation.decoder(code) + 0.5 - x).square().mean((1, 2, 3)).sum()
        by_code, by_pixel = torch.autograd.grad(error, (code, x))
    weights = by_code.mean((2, 3), keepdim=True)
    scale = weights.abs().amax(1, keepdim=True).clamp_min(1e-20)  # gradients are tiny numbers
    cam = F.relu((weights / scale * code.detach()).sum(1, keepdim=True))
    cam = F.interpolate(cam, size=x.shape[2:], mode="bilinear", align_corners=False)
    cam = cam / cam.amax((2, 3), keepdim=True).clamp_min(1e-6)
    slope = by_pixel.abs()
    top = slope.flatten(1).quantile(0.99, 1).clamp_min(1e-20)[:, None, None, None]
    return torch.cat([cam, cam * (slope / top).clamp(0, 1)], 1).detach()


def enlarge(x: Tensor) -> Tensor:
    """Bilinear, four times as high and wide."""
    return F.interpolate(x, scale_factor=STRIDE, mode="bilinear", align_corners=False)


class AttentionBranch(nn.Module):
    """Both maps from the picture alone, learned from `attention`, whose place it takes.

    N×3×H×W in 0…1, H and W multiples of 4 -> N×4×H×W in 0…1.
    """

    def __init__(self, channels: int = 24):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, channels, 5, 2, 2),
            nn.LeakyReLU(0.1),
            nn.Conv2d(channels, 2 * channels, 5, 2, 2),
            nn.LeakyReLU(0.1),
            nn.Conv2d(2 * channels, 2 * channels, 3, 1, 1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(2 * channels, MAPS, 3, 1, 1),
        )

    def logits(self, x: Tensor) -> Tensor:
        """The maps before the sigmoid, N×4×H×W."""
        return enlarge(self.layers(x - 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(x))


class JndNetwork(nn.Module):
    """Stage 2: the picture and its maps, 7 channels, to J, N×3×H×W in 0…1.

    The paper's layers, conv 3×3 to 32, 32 (stride 2), 64, 64 (stride 2), 32 with LeakyReLU between,
    and bilinear enlargement. Ours: a last 3×3 convolution at full resolution, which sees the first
    layer's features beside the enlarged ones, so that a threshold may change within four pixels;
    and, in place of clamp(|out|, 0, 1), a threshold in the logarithm: the network predicts by
    how much it is above or below `USUAL` (`RANGE`), and how the channels share it. Their shares
    stay within `SHIFT` of those of `rgb2022`: an eye hardly sees fine blue noise, and without a
    bound all of it goes into the blue of warm pictures, where it is a tint. J is positive
    everywhere.
    """

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3 + MAPS, 32, 3, 1, 1)
        self.deep = nn.Sequential(
            nn.LeakyReLU(0.1),
            nn.Conv2d(32, 32, 3, 2, 1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(32, 64, 3, 1, 1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(64, 64, 3, 2, 1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(64, 32, 3, 1, 1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(32, 12, 3, 1, 1),
        )
        self.last = nn.Conv2d(32 + 12, 1 + 3, 3, 1, 1)
        shares = torch.from_numpy(CHANNEL_WEIGHTS / CHANNEL_WEIGHTS.mean())
        self.register_buffer("shares", shares[:, None, None], persistent=False)

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """x float32 N×3×H×W in 0…1, maps N×4×H×W in 0…1, H and W multiples of 4."""
        near = self.first(torch.cat([x - 0.5, maps], 1))
        far = enlarge(self.deep(near))
        output = torch.tanh(self.last(torch.cat([F.leaky_relu(near, 0.1), far], 1)))
        whole = torch.exp(RANGE * output[:, :1] + SHIFT * output[:, 1:])
        return (USUAL * self.shares * whole).clamp_max(1)


def symmetric(thresholds: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """The mean of J(x) and of the mirrored J(mirrored x): of a mirrored picture, the mirrored J.

    thresholds: float32 N×3×H×W in 0…1, H and W multiples of `STRIDE`, -> the same shape. image:
    N×3×H×W of any size; it and its mirror image are padded alike, each at its own right edge.
    Left and right are alike in pictures, up and down are not: light comes from above.
    """
    height, width = image.shape[2], image.shape[3]
    both = torch.cat([image, image.flip(3)])
    padded = F.pad(both, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
    found = thresholds(padded)[:, :, :height, :width]
    count = image.shape[0]
    return (found[:count] + found[count:].flip(3)) / 2


class HvsSd(nn.Module):
    """What ships: from the picture alone to thresholds on the 0…1 scale, absolute.

    scale: the factor on J found by calibration (see `training.train.human.calibration`). Any height
    and width, and the same to the left and to the right (`symmetric`).
    """

    def __init__(self, branch: AttentionBranch, network: JndNetwork, scale: float = 1.0):
        super().__init__()
        self.branch, self.network, self.scale = branch, network, scale

    def forward(self, image: Tensor) -> Tensor:
        """image float32 N×3×H×W in 0…1 -> threshold float32 N×3×H×W ≥ 0."""
        return self.scale * symmetric(lambda x: self.network(x, self.branch(x)), image)
