"""The panel of photo classifiers, EfficientNet-Lite 0, 1 and 2, as embedded: in PyTorch."""

from __future__ import annotations

import os
from pathlib import Path

from torch import nn

from ...models.locate import locate
from ...models.registry import PANELS
from ..panel import Panel
from ..stored import fill
from . import quantised
from .efficientnet import EfficientNetLite

FILE = "photo-panel.safetensors"
MEMBERS = ("lite0", "lite1", "lite2")


def stored_photo_panel(weights: str | os.PathLike | None = None) -> Panel:
    """The exported panel, frozen; weights as in `engine.models.locate.locate`.

    Raises WeightsError.
    """
    classifiers = {
        name: fill(EfficientNetLite(name), locate(model, weights).path, "classifier.")
        for name, model in zip(MEMBERS, PANELS["photos"].members, strict=True)
    }
    return Panel(classifiers).eval().requires_grad_(False)


def load_photo_panel(path: Path) -> nn.ModuleDict:
    """The members by name, frozen, in evaluation mode; path: FILE, wherever it lies.

    For a machine that trains without the exported graphs; the numbers are the same.
    """
    panel = nn.ModuleDict()
    for name, state in quantised.load(path).items():
        panel[name] = EfficientNetLite(name)
        panel[name].load_state_dict(state)
    return panel.eval().requires_grad_(False)
