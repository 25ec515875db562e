"""The panel of photo classifiers, EfficientNet-Lite 0, 1 and 2, as embedded: in PyTorch."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from . import quantised
from .efficientnet import EfficientNetLite

FILE = "photo-panel.safetensors"
MEMBERS = ("lite0", "lite1", "lite2")


def load_photo_panel(path: Path) -> nn.ModuleDict:
    """The members by name, frozen, in evaluation mode; path: FILE, wherever it lies."""
    panel = nn.ModuleDict()
    for name, state in quantised.load(path).items():
        panel[name] = EfficientNetLite(name)
        panel[name].load_state_dict(state)
    return panel.eval().requires_grad_(False)
