"""The losses of the machine JND, named and numbered as in paper A (Jin et al., TCSVT 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TOLERANCE = 0.08  # of a probability, downwards: a little less than the 0.1 that is promised
SLACK = 0.1  # of the log-odds, upwards
MARGIN = 0.3  # logits by which a label leads at least
CEILING = 0.99  # beyond this probability the log-odds claim more than the classifier can know


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """L_c, eqs 8-9: mean cross-entropy against each classifier's own label of the clean image.

    logits N×P×classes of the distorted images, labels int64 N×P of the clean ones -> scalar.
    """
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def target_magnitude(cam: Tensor) -> Tensor:
    """D_t, eqs 10-11: 1 - mean of the merged CAM. cam N×1×H×W in 0…1 -> N in 0…1."""
    return 1 - cam.mean((1, 2, 3))


def actual_magnitude(change: Tensor) -> Tensor:
    """D_a, eq. 12: mean |E| over pixels and channels. change N×3×H×W in -1…1 -> N."""
    return change.abs().mean((1, 2, 3))


def magnitude_loss(
    change: Tensor, cam: Tensor, strength: Tensor | float = 1.0, epsilon: float = 1e-10
) -> Tensor:
    """L_m, eq. 13: log((D_t² + D_a² + ε) / (2 D_t D_a + ε)), mean over the batch; 0 when equal.

    strength, N or one number, multiplies D_t: 1 is the paper's target.
    """
    target, actual = strength * target_magnitude(cam), actual_magnitude(change)
    return torch.log((target**2 + actual**2 + epsilon) / (2 * target * actual + epsilon)).mean()


def spatial_loss(change: Tensor, cam: Tensor) -> Tensor:
    """L_s, eqs 14-15: <softmax of the CAM over pixels, channel-mean |E|>, mean over the batch.

    Change costs little where the CAM is low and much where it is high.
    """
    weights = cam.flatten(1).softmax(1)  # N×(H·W), sums to 1
    return (weights * change.abs().mean(1).flatten(1)).sum(1).mean()


def surviving(change: Tensor, image: Tensor) -> Tensor:
    """The part of E that survives clipping to an image: both in -1…1 units, N×3×H×W."""
    return (image + change).clamp(-1, 1) - image


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """log p / (1 - p) of each label: N×P×classes, N×P -> N×P."""
    own = logits.gather(2, labels[..., None])[..., 0]
    return own - logits.scatter(2, labels[..., None], -torch.inf).logsumexp(2)


def confidence_loss(logits: Tensor, clean: Tensor, labels: Tensor) -> Tensor:
    """How far the probability of each label leaves its bounds, on both sides, in log-odds: N.

    Below: p - TOLERANCE, and the lead over the best other class falls below MARGIN. Above: the
    log-odds rise. Each side counts as a Huber loss. logits, clean N×P×classes; labels N×P.
    """
    before = clean.softmax(2).gather(2, labels[..., None])[..., 0]
    odds, former = log_odds(logits, labels), log_odds(clean, labels)
    floor = torch.logit((before.clamp(max=CEILING) - TOLERANCE).clamp_min(0.01))
    others = logits.scatter(2, labels[..., None], -torch.inf).amax(2)
    lead = logits.gather(2, labels[..., None])[..., 0] - others
    sides = torch.stack([floor - odds, odds - former - SLACK, MARGIN - lead]).clamp_min(0)
    return F.smooth_l1_loss(sides, torch.zeros_like(sides), reduction="none").sum(0).mean(1)
