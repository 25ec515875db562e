"""Just Noticeable: how much can a picture change before a machine, or a person, notices?

    from engine import cloak_photo, compress_photo, human_jnd, machine_jnd, verify
    machine_jnd("photo.jpg")                       # what a panel of classifiers does not notice
    compress_photo("photo.jpg").data               # the smallest file that it still understands
    human_jnd("photo.jpg", model="wu2017")         # what a person does not notice
    cloak_photo("me.jpg")                          # a face that a recogniser no longer matches
    verify("me.jpg", "me.cloaked.png")             # whether it still does

Importing this package is cheap: ONNX Runtime is loaded by the first call that needs it, PyTorch by
`cloak_photo` only.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

# ONNX Runtime 1.31 for Linux reports to Microsoft from its first session on, even after its
# disable_telemetry_events(); it reads this when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# Without this the Hub's client looks up at huggingface.co which agent runs it.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from .cloak.photo import CloakedPhoto, cloak_photo
    from .compress.photo import CompressedPhoto, compress_photo
    from .errors import (
        DeviceError,
        EngineError,
        ImageError,
        OutputError,
        SetupError,
        UsageError,
        WeightsError,
    )
    from .faces.verification import Comparison, verify
    from .human import human_jnd
    from .images.picture import open_image
    from .machine.jnd import MachineJND, MachineResult, machine_jnd

__version__ = "0.2.0"

_HOMES = {
    "CloakedPhoto": "cloak.photo",
    "Comparison": "faces.verification",
    "CompressedPhoto": "compress.photo",
    "DeviceError": "errors",
    "EngineError": "errors",
    "ImageError": "errors",
    "MachineJND": "machine.jnd",
    "MachineResult": "machine.jnd",
    "OutputError": "errors",
    "SetupError": "errors",
    "UsageError": "errors",
    "WeightsError": "errors",
    "cloak_photo": "cloak.photo",
    "compress_photo": "compress.photo",
    "human_jnd": "human",
    "machine_jnd": "machine.jnd",
    "open_image": "images.picture",
    "verify": "faces.verification",
}
__all__ = [
    "CloakedPhoto",
    "Comparison",
    "CompressedPhoto",
    "DeviceError",
    "EngineError",
    "ImageError",
    "MachineJND",
    "MachineResult",
    "OutputError",
    "SetupError",
    "UsageError",
    "WeightsError",
    "cloak_photo",
    "compress_photo",
    "human_jnd",
    "machine_jnd",
    "open_image",
    "verify",
]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
