"""One training step of the photo generator: random choices, and eq. 7 in its two modes.

*Labels*: each classifier keeps its label (eqs 8-9). *Confidence* (`keep` = 1): it also keeps its
probability within 0.1, and the evidence of the label, its log-odds, does not rise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.networks import losses
from engine.networks.panel import scale_maps

from .preset import PhotoPreset


@dataclass(frozen=True)
class Predictions:
    """A panel's predictions for clean pictures.

    logits N×P×1000, labels N×P, confidence N×P in 0…1, evidence N×P×1280×h×w, all float32.
    """

    logits: Tensor
    labels: Tensor
    confidence: Tensor
    evidence: Tensor


@torch.no_grad()
def predict(panel: nn.ModuleDict, x: Tensor) -> Predictions:
    """x float32 N×3×H×W in 0…1; precision is the caller's (autocast)."""
    logits, evidence = [], []
    for member in panel.values():
        features = member.features(x)
        scores = member.classify(features).float()
        logits.append(scores)
        evidence.append(member.evidence(features.float(), scores.argmax(1)))
    scores = torch.stack(logits, 1)
    confidence, labels = scores.softmax(2).max(2)
    return Predictions(scores, labels, confidence, torch.stack(evidence, 1))


def softened(change: Tensor, share: Tensor) -> Tensor:
    """A share N of each E replaced by its 3×3 binomial mean: what resizing does to fine detail."""
    kernel = torch.tensor([0.25, 0.5, 0.25], device=change.device, dtype=change.dtype)
    window = (kernel[:, None] * kernel).expand(3, 1, 3, 3)
    smooth = F.conv2d(F.pad(change, (1, 1, 1, 1), mode="replicate"), window, groups=3)
    return torch.lerp(change, smooth, share[:, None, None, None])


def levels(x: Tensor) -> Tensor:
    """0…1 rounded to 8 bits; the gradient passes through."""
    return x + ((x * 255).round() / 255 - x).detach()


def step_loss(
    generator: nn.Module,
    panel: nn.ModuleDict,
    x: Tensor,
    preset: PhotoPreset,
    random: torch.Generator,
    rise: float,
    autocast: torch.autocast,
) -> tuple[Tensor, Tensor]:
    """Eq. 7 of one batch x N×3×H×W in 0…1 -> (loss, values as named in VALUES)."""
    count, place = len(x), {"device": x.device, "generator": random}

    def share(part: float) -> Tensor:
        return torch.rand(count, **place) < part

    low, high = preset.multiples
    multiple = torch.where(
        share(preset.varied), low + (high - low) * torch.rand(count, **place), 1.0
    )
    keep = share(preset.keep).float()
    ninths = torch.randint(1, 9, (count,), **place) / 9
    weakened = torch.where(share(preset.weakened), ninths, 1.0)
    smooth = torch.where(share(preset.softened), torch.rand(count, **place), 0.0)

    with autocast:
        clean = predict(panel, x)
        change = generator(2 * x - 1, clean.evidence, clean.confidence, multiple, keep)  # eq. 3
    change = change.float()
    shown = softened(change, smooth) * weakened[:, None, None, None]
    distorted = levels((x + shown / 2).clamp(0, 1))  # eq. 4
    with autocast:
        logits = torch.stack([member(distorted) for member in panel.values()], 1)
    logits = logits.float()

    cross = F.cross_entropy(logits.flatten(0, 1), clean.labels.flatten(), reduction="none")
    cross = cross.view(count, -1).mean(1)  # eqs 8-9
    both = losses.confidence_loss(logits, clean.logits, clean.labels)
    l_c = torch.where(keep > 0, both, cross).mean()
    size = x.shape[2:]
    cam = sum(
        scale_maps(clean.evidence[:, n].sum(1, keepdim=True), *size) for n in range(len(panel))
    ) / len(panel)  # eq. 2
    surviving = losses.surviving(change, 2 * x - 1)
    goal = rise * preset.wanted * multiple * torch.where(keep > 0, preset.kept, 1.0)
    l_m = losses.magnitude_loss(surviving, cam, goal)
    l_s = losses.spatial_loss(surviving, cam)
    loss = l_c + preset.alpha * l_m + preset.beta * l_s  # eq. 7
    with torch.no_grad():
        same = (logits.argmax(2) == clean.labels).float().mean(1)
        noise = -10 * (surviving / 2).square().mean((1, 2, 3)).clamp_min(1e-10).log10()
        keeping = keep > 0
        values = [loss, cross[~keeping].mean(), both[keeping].mean(), l_m, l_s]
        values += [
            same[~keeping].mean(),
            same[keeping].mean(),
            noise[~keeping].mean(),
            noise[keeping].mean(),
        ]
    return loss, torch.stack([value.detach() for value in values])


VALUES = ("loss", "l_c", "l_keep", "l_m", "l_s", "rca", "rca_keep", "psnr_db", "psnr_keep_db")
