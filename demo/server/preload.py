"""What would make every visitor wait while it loads is loaded before the first visitor.

The import of PyTorch and dlib's models hold Python's interpreter for up to half a second at a time,
and Gradio imports matplotlib, where it is installed, on its event loop when the first event comes.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

import numpy as np

from engine.errors import WeightsError
from engine.faces.finder import load_finder


def load() -> None:
    """dlib's models, PyTorch and matplotlib, where they are installed."""
    with suppress(WeightsError):
        load_finder().find(np.zeros((700, 900, 3), np.uint8))  # two tiles: a detector for each
    with suppress(ModuleNotFoundError):
        import_module("engine.cloak.face")
    with suppress(ModuleNotFoundError):
        import_module("matplotlib").use("agg")  # Gradio's choice; another loads pyplot as well
