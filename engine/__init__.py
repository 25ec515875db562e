"""Just Noticeable: how much can a picture change before a machine, or a person, notices?

    from engine import cloak_photo, compress_photo, human_jnd, machine_jnd, verify
    from engine import embed_watermark, machine_quality, read_watermark
    machine_jnd("photo.jpg")                       # what a panel of classifiers does not notice
    compress_photo("photo.jpg").data               # the smallest file that it still understands
    human_jnd("photo.jpg", model="wu2017")         # what a person does not notice
    cloak_photo("me.jpg")                          # a face that a recogniser no longer matches
    verify("me.jpg", "me.cloaked.jpg")             # whether it still does
    embed_watermark("photo.jpg", "© me", key="k")  # a payload under the threshold
    read_watermark("copy.jpg", key="k").payload    # … of a copy
    machine_quality("photo.jpg", "changed.jpg")    # which machines keep their label, who else may

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
    from .quality.machines import MachineQuality, machine_quality
    from .watermark.photo import WatermarkedPhoto, embed_watermark
    from .watermark.reader import Reading, read_watermark

__version__ = "0.2.0"

_HOMES = {
    "CloakedPhoto": "cloak.photo",
    "Comparison": "faces.verification",
    "CompressedPhoto": "compress.photo",
    "DeviceError": "errors",
    "EngineError": "errors",
    "ImageError": "errors",
    "MachineJND": "machine.jnd",
    "MachineQuality": "quality.machines",
    "MachineResult": "machine.jnd",
    "OutputError": "errors",
    "Reading": "watermark.reader",
    "SetupError": "errors",
    "UsageError": "errors",
    "WatermarkedPhoto": "watermark.photo",
    "WeightsError": "errors",
    "cloak_photo": "cloak.photo",
    "compress_photo": "compress.photo",
    "embed_watermark": "watermark.photo",
    "human_jnd": "human",
    "machine_jnd": "machine.jnd",
    "machine_quality": "quality.machines",
    "open_image": "images.picture",
    "read_watermark": "watermark.reader",
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
    "MachineQuality",
    "MachineResult",
    "OutputError",
    "Reading",
    "SetupError",
    "UsageError",
    "WatermarkedPhoto",
    "WeightsError",
    "cloak_photo",
    "compress_photo",
    "embed_watermark",
    "human_jnd",
    "machine_jnd",
    "machine_quality",
    "open_image",
    "read_watermark",
    "verify",
]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
