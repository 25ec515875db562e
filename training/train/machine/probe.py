"""What a generator in PyTorch makes of a few test images, and which labels stay the same.

Every distorted picture is clipped and rounded to 8 bits before the panel sees it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.optimize import bisect
from torch import Tensor

from engine.metrics import quality
from engine.networks.generator import Generator
from engine.networks.panel import Panel

from ...data.labelled import LabelledImages
from .classifiers import as_batch
from .predictions import take

BATCH = 500


@torch.no_grad()
def changes(
    generator: Generator, panel: Panel, data: LabelledImages, clean: dict[str, Tensor]
) -> Tensor:
    """E on the 0…1 scale, float32 N×3×H×W. clean: the panel's predictions for the images."""
    generator.eval()
    device = next(generator.parameters()).device
    images, parts = torch.from_numpy(data.images), []
    for index in torch.arange(len(data)).split(BATCH):
        plain = torch.zeros(len(index), dtype=torch.bool)
        batch = take(images, clean, panel.names, index, plain, device)
        full = torch.ones(len(index), device=device)
        parts.append(generator(2 * batch.x - 1, batch.cams, batch.labels, full, batch.logits) / 2)
    return torch.cat(parts)


def distorted(x: Tensor, change: Tensor, factor: float = 1.0) -> Tensor:
    """x + factor · E as an 8-bit image, 0…1."""
    return ((x + factor * change).clamp(0, 1) * 255).round() / 255


@torch.no_grad()
def matches(panel: Panel, pictures: Tensor, labels: Tensor) -> Tensor:
    """Whether each classifier's label of a picture is the given one: bool N×P, labels int64 N×P."""
    panel.eval()
    predicted = [panel.logits(part).argmax(2) for part in pictures.split(BATCH)]
    return torch.cat(predicted) == labels.to(pictures.device)


def psnr(change: Tensor) -> float:
    """Mean over images, dB."""
    return float(quality.psnr(change.cpu().numpy()).mean())


def factor_for(
    wanted: float, noise: Callable[[float], float], factors: tuple[float, float]
) -> float | None:
    """The factor at which a falling PSNR in dB is the wanted one; None where none of these is."""
    weakest, strongest = factors
    if not noise(strongest) <= wanted <= noise(weakest):
        return None
    return bisect(lambda factor: noise(factor) - wanted, weakest, strongest, xtol=1e-3)


def measure(
    generator: Generator, panel: Panel, data: LabelledImages, clean: dict[str, Tensor]
) -> dict:
    """RCA and RCA_n (eqs 16-17), mean PSNR clipped and 8-bit, mean PSNR unclipped, of x + E."""
    change = changes(generator, panel, data, clean)
    x = as_batch(torch.from_numpy(data.images)).to(change.device)
    pictures = distorted(x, change)
    rates = matches(panel, pictures, clean["labels"]).float().mean(0).tolist()
    return {
        "rca": sum(rates) / len(rates),
        "rca_per_classifier": dict(zip(panel.names, rates, strict=True)),
        "psnr_db": psnr(pictures - x),
        "psnr_unclipped_db": psnr(change),
    }
