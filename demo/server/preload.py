"""What would make every visitor wait while it loads is loaded before the first visitor.

The import of PyTorch, dlib's models and the panels take seconds: a worker does its first work when
they are there. Gradio imports matplotlib, where it is installed, on its event loop when the first
event comes.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

import numpy as np

from engine.errors import EngineError
from engine.faces.finder import load_finder
from engine.machine.jnd import load as load_machine
from engine.models.available import panels

from .zerogpu import lends_gpu


def load() -> None:
    """For the work: dlib's models, the panels, PyTorch, where they are installed."""
    with suppress(EngineError):
        load_finder().find(np.zeros((700, 900, 3), np.uint8))  # two tiles: a detector for each
    for panel in panels():
        with suppress(EngineError):
            load_machine(panel=panel)
    load_search()


def load_search() -> None:
    with suppress(ModuleNotFoundError):
        import_module("engine.cloak.face")


def load_for_server() -> None:
    """For the server itself: matplotlib; PyTorch where a GPU is lent to it."""
    if lends_gpu():
        load_search()
    with suppress(ModuleNotFoundError):
        import_module("matplotlib").use("agg")  # Gradio's choice; another loads pyplot as well
