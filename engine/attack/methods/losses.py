"""What the methods minimise, one number per picture, n, of an `Active` at its current z."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..objective import (
    Weights,
    adversarial_loss,
    cross_entropy,
    hinge,
    lead,
    perceptual_loss,
    similarity,
    squared_error,
    total_variation,
)
from ..problem import Active
from .colour import colour_distance


def ce(active: Active) -> Tensor:
    return cross_entropy(active.logits, active.labels, active.problem.targeted)


def short(active: Active) -> Tensor:
    """The hinge at the margin, a little above it so that its gradient does not vanish there."""
    problem = active.problem
    return hinge(active.logits, active.labels, problem.targeted, problem.margin + 1e-4)


def distance_to_border(active: Active) -> Tensor:
    """Minus the smallest lead, n; leaves what FMN's radius needs in memory["gap"]."""
    problem = active.problem
    ahead = lead(active.logits, active.labels, problem.targeted).amin(1)
    active.memory["gap"] = (problem.margin - ahead).detach()
    return -ahead


def paper(weights: Weights) -> Callable[[Active], Tensor]:
    """Eq. 1: L_adv + β (L1 + L2 + G), the knob being β."""

    def loss(active: Active) -> Tensor:
        adversarial = adversarial_loss(active.logits, active.labels, active.problem.targeted)
        visible = perceptual_loss(active.z, active.x, active.j, weights)
        return adversarial + active.knob.flatten() * visible

    return loss


def carlini_wagner(active: Active) -> Tensor:
    """|P|² + c f_6 (Carlini and Wagner 2017, eq. 4), the knob being c."""
    return squared_error(active.z, active.x) + active.knob.flatten() * short(active)


def jndmga(active: Active) -> Tensor:
    """Akan et al. 2020: L_adv + L2 + total variation + bounded range; the weights are ours.

    L_adv in place of their cross-entropy, whose gradient vanishes where the model is
    confident, as ours are. The method ends at the first changed label.
    """
    p = active.z - active.x
    outside = (F.relu(active.z - 1) + F.relu(-active.z)).mean((1, 2, 3))
    energy = p.square().mean((1, 2, 3))
    adversarial = adversarial_loss(active.logits, active.labels, active.problem.targeted)
    return adversarial + 100 * (energy + total_variation(p)) + outside


def mnd(active: Active) -> Tensor:
    """Sun et al. 2022: L_adv + magnitude + (1 - SSIM) + gradient change; the knob is L_adv's."""
    plain = Weights(l1=0, l2=1, gradient=1, gate=False, channels=False)
    visible = perceptual_loss(active.z, active.x, active.j, plain)
    adversarial = adversarial_loss(active.logits, active.labels, active.problem.targeted)
    visible = visible + 1 - similarity(active.z, active.x)
    return active.knob.flatten() * adversarial + visible


def perc_al(active: Active) -> Tensor:
    """Zhao et al. 2020: the adversarial loss until the picture succeeds, then the colour one."""
    return torch.where(active.success, colour_distance(active.z, active.x), ce(active))


def low_frequencies(x: Tensor) -> Tensor:
    """One Haar level kept and brought back: n×3×H×W, an odd last row or column repeated."""
    height, width = x.shape[2:]
    even = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
    small = F.avg_pool2d(even, 2)
    return F.interpolate(small, scale_factor=2, mode="nearest")[:, :, :height, :width]


def ssah(active: Active) -> Tensor:
    """Luo et al. 2022: semantic similarity attack plus the change of the low frequencies.

    Their feature similarity becomes the lead, since our models give logits; the knob weighs it.
    """
    low = (low_frequencies(active.z) - low_frequencies(active.x)).abs().sum((1, 2, 3))
    return low + active.knob.flatten() * short(active)
