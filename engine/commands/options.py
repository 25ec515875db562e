"""The options of each command, as frozen dataclasses from which its command line is made.

What several commands share is in a base; `engine.terminal.command_line` makes the command lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..arguments import DEVICES
from ..compress.names import FILE_FORMATS, METHOD_NAMES
from ..models.registry import (
    ALL,
    AUTO,
    BEST,
    GENERATORS,
    HUMAN_DEFAULT,
    HUMAN_NAMES,
    RECOGNISER_NAMES,
)
from ..panels.naming import INPUT_RANGES
from ..terminal.command_line import option
from ..watermark.names import FORMATS as MARKED_FORMATS
from ..watermark.names import OBSERVERS, OPEN_KEY


@dataclass(frozen=True)
class Options:
    """Options of every command."""

    json: bool = option(False, "results as JSON on stdout, one object per line")


@dataclass(frozen=True)
class ModelOptions(Options):
    """Options of a command that runs models."""

    device: str = option("auto", "where to run", choices=DEVICES)
    weights: str | None = option(
        None, 'folder of models, or "hub" (default: embedded)', metavar="DIR"
    )


@dataclass(frozen=True)
class PictureOptions(ModelOptions):
    """Options of a command that runs models and writes pictures."""

    out: Path = option(Path("out"), "folder for the pictures, made where missing", metavar="DIR")
    workers: int | None = option(
        None, "processes side by side, each with its own models (default: this one)", metavar="N"
    )
    ray: str | None = option(
        None,
        "on the machines of a Ray at HOST:PORT, or auto; without an address one of this machine; "
        "pictures and --out may then be addresses, as s3://bucket/photos, and parquet files",
        metavar="ADDRESS",
        alone="local",
    )
    parquet: bool = option(False, "of --ray: the results as parquet files in --out")


def jnd_model() -> Any:
    """The option that chooses a human JND model."""
    return option(HUMAN_DEFAULT, "human JND model", choices=HUMAN_NAMES)


def panel_names(embedded: str) -> Any:
    """The option that names a panel. embedded: what it is, and which embedded ones there are."""
    return option(
        (),
        f"{embedded}; or your own: a file model.onnx, torchvision:NAME, timm:NAME, the last two "
        "with =FILE for weights of a file; give it several times for several "
        f"(default: {AUTO})",
        metavar="NAME",
        repeated=True,
    )


def class_labels() -> Any:
    """The option for the names of the classes of one's own models."""
    return option(
        (),
        "names of the classes of your own models: one a line, or a JSON list; once for all, or "
        "once for each",
        metavar="FILE",
        repeated=True,
    )


def input_ranges() -> Any:
    """The option for the values that an ONNX file takes."""
    return option(
        (),
        "values that an ONNX file takes: unit 0 to 1, signed -1 to 1, bytes 0 to 255, imagenet 0 "
        "to 1 less ImageNet's mean, divided by its deviation (default: unit; bytes where the "
        "input is of whole numbers)",
        choices=INPUT_RANGES,
        repeated=True,
    )


@dataclass(frozen=True)
class MachineOptions(PictureOptions):
    """Options of `python -m engine machine`."""

    panel: tuple[str, ...] = panel_names(
        "classifiers that keep their labels: photos keeps the picture's size, cifar10 shrinks it "
        f"to 32x32, {AUTO} takes photos above 64 pixels"
    )
    labels: tuple[str, ...] = class_labels()
    input_range: tuple[str, ...] = input_ranges()
    generator: str = option(BEST, "network that makes the change", choices=tuple(GENERATORS))
    strength: float = option(1.0, "how much to change, 0.2 to 1.8; not with merged", metavar="X")
    keep_confidence: bool = option(
        False, "each classifier's confidence stays within 0.1 as well, and is not raised"
    )
    search: bool = option(
        False, "optimise the change by gradient on each picture (panel cifar10: needs PyTorch)"
    )
    max_seconds: float = option(60.0, "longest search per picture", metavar="S")


@dataclass(frozen=True)
class CompressOptions(PictureOptions):
    """Options of `python -m engine compress`."""

    format: str = option("jpeg", "of the file", choices=FILE_FORMATS)
    method: str = option("bisect", "how it is looked for", choices=METHOD_NAMES)
    keep: str = option(
        "top1",
        "what each classifier keeps: top1 its label, top5 its label among its five most likely, "
        "confidence:0.8 its label with at least 0.8 of its probability",
        metavar="WHAT",
    )
    resize: bool = option(False, "lower the resolution too, where that makes the file smaller")
    panel: tuple[str, ...] = panel_names(
        f"classifiers that still understand the file: photos, cifar10, {AUTO} takes photos above "
        "64 pixels"
    )
    labels: tuple[str, ...] = class_labels()
    input_range: tuple[str, ...] = input_ranges()
    see: float | None = option(
        None, "for eyes too: at least this JOD, 10 is no visible difference", metavar="JOD"
    )
    metrics: bool = option(False, "also the JOD of the result (some seconds; needs PyTorch)")
    max_seconds: float | None = option(
        None, "longest search per picture (default: to its end)", metavar="S"
    )
    larger: float = option(
        1.0,
        "of search and faithful: a file so many times its smallest, of which classifiers outside "
        "the panel understand more",
        metavar="X",
    )


def watermark_key() -> Any:
    """The option for the key of a watermark."""
    return option(OPEN_KEY, "phrase without which it cannot be read", metavar="PHRASE")


@dataclass(frozen=True)
class EmbedOptions(PictureOptions):
    """Options of `python -m engine watermark embed`."""

    text: str | None = option(None, "payload: up to 32 bytes of UTF-8", metavar="TEXT")
    hex: str | None = option(None, "payload: up to 64 hexadecimal digits", metavar="DIGITS")
    key: str = watermark_key()
    observer: str = option(
        "human",
        "whose threshold: human, invisible; machine, every label of the panel is kept",
        choices=OBSERVERS,
    )
    jnd: str = jnd_model()
    format: str = option("png", "of the file", choices=tuple(MARKED_FORMATS))
    panel: tuple[str, ...] = panel_names("classifiers of the observer machine: photos, cifar10")
    labels: tuple[str, ...] = class_labels()
    input_range: tuple[str, ...] = input_ranges()
    metrics: bool = option(False, "also the JOD of the result (some seconds; needs PyTorch)")


@dataclass(frozen=True)
class ReadOptions(Options):
    """Options of `python -m engine watermark read`."""

    key: str = watermark_key()
    thorough: bool = option(
        False, "look at every scale, for a copy resized by an unknown factor (some ten seconds)"
    )


@dataclass(frozen=True)
class HumanOptions(PictureOptions):
    """Options of `python -m engine human`."""

    model: str = jnd_model()
    metrics: bool = option(
        False, "also SSIM, CIEDE2000, JOD, FSIM and VIF (some seconds per megapixel)"
    )
    array: bool = option(False, "also the thresholds as NAME.human.npy (12 bytes per pixel)")
    level: float | None = option(None, "noise at X times the threshold (default: 1)", metavar="X")
    psnr: float | None = option(None, "noise at the level with this PSNR", metavar="DB")
    seed: int = option(0, "of the noise's signs")


@dataclass(frozen=True)
class QualityOptions(ModelOptions):
    """Options of `python -m engine quality`."""

    model: str = jnd_model()
    metrics: bool = option(False, "also JOD, FSIM and VIF (some seconds; needs PyTorch)")
    machine: bool = option(
        False, "also which machines keep their label, and the chance that another one does"
    )
    panel: tuple[str, ...] = panel_names(
        "machines that are asked: photos, cifar10, or by the size of the picture"
    )
    labels: tuple[str, ...] = class_labels()
    input_range: tuple[str, ...] = input_ranges()


@dataclass(frozen=True)
class CloakOptions(PictureOptions):
    """Options of `python -m engine cloak`."""

    method: str = option("ours", "the attack", metavar="NAME")
    target: str | None = option(
        None, "be taken for this person; need not hide who it is", metavar="PHOTO"
    )
    face: str | None = option(
        None, 'which face, 1 being the largest that is certain, or "all"', metavar="N"
    )
    gallery: str | None = option(
        None, "photos that the cloaked face must not match either", metavar="DIR"
    )
    exact: bool = option(False, "hold in the very file alone: the smallest change")
    robust: bool = option(
        False,
        "the default: hold when it is saved again or resized, as sites do, and a step beyond",
        former="--lasting",
    )
    format: str = option(
        "same",
        "of the file; same: a JPEG of about the same size for a JPEG, a PNG for all others",
        choices=("same", "png", "jpeg"),
    )
    against: str | None = option(
        None,
        f"recognisers to be fooled: {', '.join(RECOGNISER_NAMES)}, several with a comma, or all "
        "(default: dlib; with --protect all)",
        metavar="NAMES",
    )
    protect: str | None = option(
        None,
        "unseen: not the smallest change, but the one that leads farthest, so that recognisers "
        "that nobody has seen may not match the face either",
        choices=("unseen",),
    )
    psnr: float | None = option(
        None,
        "with --protect: PSNR of the face and half its width around it, in dB (default: 35, more "
        "for faces above 110 pixels)",
        metavar="DB",
    )
    jod: float | None = option(
        None, "with --protect: its JOD in place of that, up to 10; needs cvvdp", metavar="J"
    )
    jnd: str = jnd_model()
    max_seconds: float = option(120.0, "longest search per face", metavar="S")
    figure: bool = option(False, "write a figure too: each face before, after, difference × 16")


@dataclass(frozen=True)
class VerifyOptions(Options):
    """Options of `python -m engine verify`."""

    against: str = option(
        ALL,
        f"recognisers that compare them: {', '.join(RECOGNISER_NAMES)}, several with a comma",
        metavar="NAMES",
    )
