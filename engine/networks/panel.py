"""The panel of classifiers whose labels a machine JND keeps (paper A, eqs 1-2), in PyTorch.

For training, for export and for the gradient search; `machine_jnd` runs the exported graphs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .classifiers import Classifier


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
    """The panel: logits and class activation map of each of its classifiers (paper A, eq. 2)."""

    def __init__(self, classifiers: dict[str, Classifier]):
        super().__init__()
        self.classifiers = nn.ModuleDict(classifiers)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.classifiers)

    def logits(self, x: Tensor, members: Sequence[str] | None = None) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×P×classes, of all or of the members named."""
        return torch.stack([self.classifiers[name](x) for name in members or self.names], 1)

    def predict(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """float32 N×3×H×W in 0…1 -> (logits N×P×classes, P unscaled maps N×1×h×w)."""
        logits, maps = [], []
        for classifier in self.classifiers.values():
            scores, own = classifier.predict(x)
            logits.append(scores)
            maps.append(own)
        return torch.stack(logits, 1), maps

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float32 N×3×H×W in 0…1 -> (logits N×P×classes, CAMs N×P×H×W in 0…1)."""
        logits, maps = self.predict(x)
        return logits, torch.cat([scale_maps(m, x.shape[2], x.shape[3]) for m in maps], 1)
