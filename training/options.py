"""The options of each job of `python -m training`, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.terminal.command_line import option

from .train.presets import CLASSIFIER_PRESETS, GENERATOR_PRESETS, HUMAN_PRESETS

SHARED = Path("../shared")
# What `evaluate` measures, and the data set it does it on.
MEASURED_ON = {
    "classifiers": "cifar10",
    "machine": "cifar10",
    "fresh": "cifar10",
    "ablation": "cifar10",
    "human": "kodak",
    "recogniser": "lfw",
    "recognisers": "lfw",
    "protection": "lfw",
    "cloak": "lfw",
    "portraits": "portraits",
    "panel": "cifar10",
    "cloak-photos": "nips17",
    "photo-panel": "",
    "speed": "kodak",
    "scale": "kodak",
    "load": "kodak",
    "page": "",
    "photos": "nips17",
    "codec": "nips17",
    "machine-quality": "nips17",
    "watermark": "",
}
# What it measures with the embedded models alone, or with none.
WITHOUT_WEIGHTS = ("cloak", "recogniser", "recognisers", "ablation", "watermark", "portraits")
WITHOUT_WEIGHTS += ("protection", "scale", "load", "page")


def preset(presets: dict[str, Any]) -> Any:
    """The option that chooses one of these presets."""
    return option("default", "settings of the training", choices=tuple(presets))


@dataclass(frozen=True)
class Runs:
    """Options of every job that reads or writes checkpoints."""

    runs: Path = option(Path("runs"), "where checkpoints live")


@dataclass(frozen=True)
class OnImages(Runs):
    """Options of a training on labelled images."""

    data: str = option(
        f"{SHARED}/data/cifar10",
        "folder of parquet files or pictures, torchvision:ROOT or hub:OWNER/NAME",
    )


@dataclass(frozen=True)
class OnPhotos(Runs):
    """Options of a job that needs photos."""

    data: str = option(
        f"{SHARED}/data/bsds500",
        "photos: folder of parquet files or pictures, or hub:OWNER/NAME",
    )


@dataclass(frozen=True)
class ClassifierOptions(OnImages):
    """Options of `python -m training classifiers`."""

    names: tuple[str, ...] = option(
        (), "which classifiers (default: the panel's)", metavar="NAME", operand=True
    )
    preset: str = preset(CLASSIFIER_PRESETS)


@dataclass(frozen=True)
class GeneratorOptions(OnImages):
    """Options of `python -m training generator`."""

    preset: str = preset(GENERATOR_PRESETS)
    name: str | None = option(None, "name of its checkpoint (default: the preset's)")
    minutes: float | None = option(None, "end it after these, where its epochs take longer")


@dataclass(frozen=True)
class HumanOptions(OnPhotos):
    """Options of `python -m training human`."""

    preset: str = preset(HUMAN_PRESETS)
    name: str | None = option(None, "name of its checkpoints (default: the preset's)")


@dataclass(frozen=True)
class CalibrateOptions(OnPhotos):
    """Options of `python -m training calibrate`."""

    name: str = option("default", "which trained HVS-SD")


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(Runs):
    """Options of `python -m training evaluate`."""

    what: str = option(help="what to measure", choices=tuple(MEASURED_ON), operand=True)
    data: str | None = option(
        None, f"data set (default: the one in {SHARED}/data that it is measured on)"
    )
    name: str = option("default", "human: whose checkpoints have the true maps")
    weights: Path | None = option(None, "folder of exported models (default: embedded)")
    count: int | None = option(
        None,
        "only the first pictures of each split; cloak…, portraits, photos, codec, recognisers, "
        "protection, machine-quality, watermark, scale: a look, its JSON in RUNS; "
        "speed: only the smallest sizes, a look, in RUNS/speed; "
        "load: so many visitors for 10 seconds, in RUNS/load; page: so many loads, in RUNS/page",
    )
    sections: tuple[str, ...] | None = option(None, "machine, photos: only these", metavar="NAME")
    unseen: Path = option(
        SHARED / "weights/unseen-classifiers",
        "photos, codec, watermark: folder of ONNX classifiers outside the panel, left out where "
        "missing; machine-quality needs them",
    )
    only: str | None = option(
        None,
        "cloak…, portraits, protection, codec, speed, watermark: just rows whose name contains it",
        metavar="TEXT",
    )
    published: Path = option(
        Path("runs/efficientnet.safetensors"),
        "photo-panel: the weights as published, by `python -m export.photo.efficientnet`",
    )
    whole: Path = option(
        Path("runs/faceres.safetensors"),
        "recognisers: faceres as published, by `python -m export.faces.faceres`; left out where "
        "missing",
    )
    onlooker: Path = option(
        SHARED / "weights/mobilefacenet_unseen.onnx",
        "faces: a held-out recogniser, for verification only; left out where missing",
    )


@dataclass(frozen=True)
class FirstChangeOptions:
    """Options of `python -m training first-change`."""

    data: Path = option(SHARED / "data/lfw", "the folder of LFW")
    runs: Path = option(Path("runs"), "where checkpoints are")
    steps: int | None = option(None, "other than the preset's", metavar="N")
    people: int | None = option(None, "only so many, for a look", metavar="N")


@dataclass(frozen=True)
class RecogniserOptions:
    """Options of `python -m training recogniser`."""

    source: Path = option(
        SHARED / "weights/dlib_face_recognition_resnet_v1.safetensors", "dlib's weights"
    )
    reference: Path = option(
        SHARED / "weights/dlib_reference_embedding.txt", "an embedding that dlib computed"
    )
