"""Just Noticeable: how much can a picture change before a machine, or a person, notices?

    from engine import machine_jnd
    result = machine_jnd("photo.jpg")

Importing this package is cheap: ONNX Runtime is loaded by the first call that needs it, and
torch by none of the functions named here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import (
        DeviceError,
        EngineError,
        ImageError,
        OutputError,
        UsageError,
        WeightsError,
    )
    from .image import open_image
    from .machine import MachineJND, MachineResult, machine_jnd

__version__ = "0.1.0"

_HOMES = {
    "DeviceError": "errors",
    "EngineError": "errors",
    "ImageError": "errors",
    "MachineJND": "machine",
    "MachineResult": "machine",
    "UsageError": "errors",
    "OutputError": "errors",
    "WeightsError": "errors",
    "machine_jnd": "machine",
    "open_image": "image",
}
__all__ = [
    "DeviceError",
    "EngineError",
    "ImageError",
    "MachineJND",
    "MachineResult",
    "OutputError",
    "UsageError",
    "WeightsError",
    "machine_jnd",
    "open_image",
]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
