"""Losses of the human JND: how visible a change is, differentiable, zero where there is none.

All take pictures float32 N×C×H×W in 0…1 and give one number per picture, N. What a threshold is
held to is `visibility`, by ColorVideoVDP, which needs no downloaded weights and models contrast
sensitivity, masking and colour. Beside it stand the parts of HVS-SD's adaptive quality loss that
need no weights either, SSIM, MS-SSIM and GMSD, and ColorVideoVDP from nearer: what one of them
does not see, another does. SSIM and the like see luma at full resolution, Cb and Cr at half.
Gradients are finite where nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.metrics.perceptual import DISPLAY, colour_video_vdp

C1, C2 = 0.01**2, 0.03**2  # of SSIM, range 1
GMSD_C = 170 / 255**2  # of GMSD, range 1 (Xue et al. 2014)
NEAR = "standard_fhd"  # 38 pixels per degree, half of the other display's
SCALES = 3  # of MS-SSIM: crops are smaller than the pictures of its paper
SCALE_WEIGHTS = (0.25, 0.35, 0.4)


def opponent(x: Tensor) -> tuple[Tensor, Tensor]:
    """R G B -> Y N×1×H×W, and Cb and Cr at half the resolution N×2×H/2×W/2, around 0."""
    y = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
    chroma = torch.cat([(x[:, 2:] - y) / 1.772, (x[:, :1] - y) / 1.402], 1)
    return y, F.avg_pool2d(chroma, 2)


def _blur(x: Tensor, weights: Tensor) -> Tensor:
    """The same separable filter over every channel; the picture is repeated at its border."""
    channels, radius = x.shape[1], len(weights) // 2
    kernel = weights.to(x).view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    x = F.pad(x, (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, kernel, groups=channels), kernel.transpose(2, 3), groups=channels)


def _gaussian(deviation: float, radius: int) -> Tensor:
    steps = torch.arange(-radius, radius + 1)
    weights = torch.exp(-steps.square() / (2 * deviation**2))
    return weights / weights.sum()


def _ssim_parts(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure terms of SSIM, mean over pixels and channels -> N, N."""
    window = _gaussian(1.5, 5)
    both = torch.cat([a, b, a * a, b * b, a * b], 1)
    mean_a, mean_b, aa, bb, ab = _blur(both, window).chunk(5, 1)
    var_a, var_b, cov = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    light = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    structure = (2 * cov + C2) / (var_a + var_b + C2)
    return (light * structure).mean((1, 2, 3)), structure.mean((1, 2, 3))


def ssim_loss(a: Tensor, b: Tensor) -> Tensor:
    """1 - SSIM (Wang et al. 2004), Gaussian window of σ 1.5."""
    return 1 - _ssim_parts(a, b)[0]


def ms_ssim_loss(a: Tensor, b: Tensor) -> Tensor:
    """1 - MS-SSIM (Wang et al. 2003) over three scales, as a weighted mean, not a product.

    The mean keeps its gradient where one scale is near zero.
    """
    total = torch.zeros(len(a), device=a.device)
    for weight in SCALE_WEIGHTS:
        total = total + weight * (1 - _ssim_parts(a, b)[1])
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return total


def gmsd_loss(a: Tensor, b: Tensor) -> Tensor:
    """Variance of the gradient magnitudes' likeness: GMSD (Xue et al. 2014) before its root."""
    kernel = torch.tensor([[1.0, 0, -1], [1, 0, -1], [1, 0, -1]], device=a.device) / 3
    kernels = torch.stack([kernel, kernel.T])[:, None]

    def magnitude(x: Tensor) -> Tensor:
        flat = F.avg_pool2d(x, 2).flatten(0, 1)[:, None]
        return (F.conv2d(flat, kernels).square().sum(1) + 1e-6).sqrt().view(len(x), -1)

    first, second = magnitude(a), magnitude(b)
    likeness = (2 * first * second + GMSD_C) / (first**2 + second**2 + GMSD_C)
    return likeness.var(1)


def visibility(a: Tensor, b: Tensor, display: str = DISPLAY) -> Tensor:
    """10 - JOD by ColorVideoVDP (Mantiuk et al. 2024) of b against the reference a, R G B both."""
    return colour_video_vdp(display).loss(b, a, dim_order="BCHW").reshape(-1)


def coloured(loss: Callable[[Tensor, Tensor], Tensor], chroma: float) -> Callable:
    """A loss of two R G B pictures: that of their luma plus `chroma` times that of Cb and Cr."""

    def both(a: Tensor, b: Tensor) -> Tensor:
        (y_a, c_a), (y_b, c_b) = opponent(a), opponent(b)
        return loss(y_a, y_b) + (chroma * loss(c_a, c_b) if chroma else 0)

    return both


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "near": partial(visibility, display=NEAR),
    "ssim": coloured(ssim_loss, 0.5),
    "ms_ssim": coloured(ms_ssim_loss, 0.5),
    "gmsd": coloured(gmsd_loss, 0.0),
}


def tint_loss(a: Tensor, b: Tensor, side: int = 16, unit: float = 0.02) -> Tensor:
    """Squared mean change of each square and channel, in units of five levels -> scalar.

    Where a channel is near 0 or 1, clipping takes one of the two signs, and noise becomes a tint.
    """
    return F.avg_pool2d((b - a) / unit, side).square().mean()


def magnitude_loss(j: Tensor, mean: float, side: int = 16, epsilon: float = 1e-10) -> Tensor:
    """log((D_t² + D_a² + ε)/(2 D_t D_a + ε)), 0 where equal, mean over places -> scalar.

    j N×3×H×W in 0…1; mean: D_t. The paper's D_a is the mean of a picture; ours of each square of
    side×side pixels, so that nowhere is the threshold zero and nowhere is all of it.
    """
    actual = F.avg_pool2d(j.mean(1, keepdim=True), side)
    return torch.log((mean**2 + actual**2 + epsilon) / (2 * mean * actual + epsilon)).mean()
