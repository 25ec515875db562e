"""What an attack minimises, named and numbered as in paper B (Xue et al., J. Cloud Comput. 2023).

Clean picture X, changed picture Z, change P = Z - X, threshold J, all float32 n×3×H×W in 0…1, or
n×1×H×W for black-and-white pictures.
Logits n×V×K are what the model under attack predicts in V views (the members of a panel, or one
recogniser after V transforms); labels int64 n×V. Every loss gives one number per picture, and has
a finite gradient at Z = X. Where the paper leaves the exact form open the docstring says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

CHANNELS = (3.0, 5.0, 1.0)  # M of eqs 3-4: red, green, blue
SOBEL = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
TINY = 1e-12
LEVELS = 255


@dataclass(frozen=True)
class Weights:
    """β1, β2, β3 of eq. 2 as shares of one β; gate: subtract J; channels: weigh by M."""

    l1: float = 1.0
    l2: float = 1.0
    gradient: float = 1.0
    gate: bool = True
    channels: bool = True


def to_levels(z: Tensor) -> Tensor:
    """Clipped to 0…1 and rounded to whole 8-bit levels; the gradient passes the rounding."""
    z = z.clamp(0, 1)
    return z + ((z.detach() * LEVELS).round() / LEVELS - z.detach())


def lead(logits: Tensor, labels: Tensor, targeted: bool) -> Tensor:
    """How far the wanted outcome is ahead, n×V; the attack succeeds where all are positive.

    Targeted: the target's logit over the best other; else the best other over the label's.
    """
    own = logits.gather(2, labels[:, :, None])[:, :, 0]
    others = logits.scatter(2, labels[:, :, None], float("-inf")).amax(2)
    return own - others if targeted else others - own


def adversarial_loss(logits: Tensor, labels: Tensor, targeted: bool) -> Tensor:
    """L_adv of eq. 1, n: -log p_C(Z) targeted, else -log(1 - p_y(Z)); mean over views."""
    scores = logits.log_softmax(2)
    own = scores.gather(2, labels[:, :, None])[:, :, 0]
    if targeted:
        return -own.mean(1)
    # log(1 - p_y) is the log of the others' sum: no 1 - p, which rounds to zero.
    others = scores.scatter(2, labels[:, :, None], float("-inf")).logsumexp(2)
    return -others.mean(1)


def cross_entropy(logits: Tensor, labels: Tensor, targeted: bool) -> Tensor:
    """What the FGSM family descends, n: CE to the target, or minus CE to the label."""
    own = logits.log_softmax(2).gather(2, labels[:, :, None])[:, :, 0].mean(1)
    return -own if targeted else own


def hinge(logits: Tensor, labels: Tensor, targeted: bool, margin: float) -> Tensor:
    """Carlini and Wagner's f_6, n: how far the lead is short of the margin, mean over views."""
    return F.relu(margin - lead(logits, labels, targeted)).mean(1)


def beyond(z: Tensor, x: Tensor, j: Tensor, weights: Weights) -> Tensor:
    """D of eqs 3-4, n×3×H×W: M · relu(|Z - X| - J); J is 0 without the gate, M 1 without it."""
    change = (z - x).abs()
    over = F.relu(change - j) if weights.gate else change
    return over * over.new_tensor(CHANNELS)[:, None, None] if weights.channels else over


def sobel(x: Tensor) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical Sobel responses of each channel, n×3×H×W, borders repeated."""
    planes = x.shape[1]
    kernel = SOBEL.to(x).view(1, 1, 3, 3).expand(planes, 1, 3, 3)
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    across = F.conv2d(padded, kernel, groups=planes)
    down = F.conv2d(padded, kernel.transpose(2, 3), groups=planes)
    return across, down


def gradient_difference(z: Tensor, x: Tensor, j: Tensor, weights: Weights) -> Tensor:
    """G of eq. 6, n: mean relu(|Sobel(Z) - Sobel(X)| - |Sobel(J)|), both directions."""
    total = z.new_zeros(len(z))
    for after, before, allowed in zip(sobel(z), sobel(x), sobel(j), strict=True):
        change = (after - before).abs()
        total = total + F.relu(change - allowed.abs() if weights.gate else change).mean((1, 2, 3))
    return total / 2


def perceptual_loss(z: Tensor, x: Tensor, j: Tensor, weights: Weights) -> Tensor:
    """L_per / β of eq. 2, n: L1 = mean D (eq. 3), L2 = mean D² (eq. 5), G (eq. 6)."""
    over = beyond(z, x, j, weights)
    total = weights.l1 * over.mean((1, 2, 3)) + weights.l2 * over.square().mean((1, 2, 3))
    if weights.gradient:
        total = total + weights.gradient * gradient_difference(z, x, j, weights)
    return total


def squared_error(z: Tensor, x: Tensor) -> Tensor:
    """Sum of P², n. Its gradient at P = 0 is 0."""
    return (z - x).square().sum((1, 2, 3))


def total_variation(p: Tensor) -> Tensor:
    """Mean squared difference between neighbours, n."""
    across = (p[:, :, :, 1:] - p[:, :, :, :-1]).square().mean((1, 2, 3))
    return across + (p[:, :, 1:] - p[:, :, :-1]).square().mean((1, 2, 3))


def similarity(z: Tensor, x: Tensor) -> Tensor:
    """SSIM (Wang et al. 2004), n: Gaussian window σ = 1.5 of 11×11, inside the picture only."""
    steps = torch.arange(11, dtype=z.dtype, device=z.device) - 5
    line = torch.exp(-(steps**2) / (2 * 1.5**2))
    line, planes = line / line.sum(), z.shape[1]

    def blur(t: Tensor) -> Tensor:
        t = F.conv2d(t, line.view(1, 1, 1, 11).expand(planes, 1, 1, 11), groups=planes)
        return F.conv2d(t, line.view(1, 1, 11, 1).expand(planes, 1, 11, 1), groups=planes)

    a, b = blur(z), blur(x)
    aa, bb, ab = blur(z * z) - a * a, blur(x * x) - b * b, blur(z * x) - a * b
    c1, c2 = 0.01**2, 0.03**2
    ratio = (2 * a * b + c1) * (2 * ab + c2) / ((a * a + b * b + c1) * (aa + bb + c2))
    return ratio.mean((1, 2, 3))


def norm(t: Tensor) -> Tensor:
    """Euclidean norm of each picture, n×1×1×1, never zero."""
    return t.square().sum((1, 2, 3), keepdim=True).add(TINY).sqrt()
