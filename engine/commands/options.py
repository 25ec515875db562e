"""What each command can be told, as frozen dataclasses from which the command line is made."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

from ..arguments import DEVICES
from ..models.registry import BEST, GENERATORS, HUMAN_DEFAULT, HUMAN_NAMES

_OUT = {
    "metavar": "DIR",
    "help": "folder for the pictures, made where missing (default: out, in the current folder)",
}


@dataclass(frozen=True)
class MachineOptions:
    """Options of `python -m engine machine`; the command line is made from these fields."""

    out: Path = field(default=Path("out"), metadata=_OUT)
    json: bool = field(default=False, metadata={"help": "one JSON object per picture on stdout"})
    device: str = field(default="auto", metadata={"choices": DEVICES, "help": "where to run"})
    weights: str | None = field(
        default=None,
        metadata={"metavar": "DIR", "help": 'folder of models, or "hub" (default: embedded)'},
    )
    generator: str = field(
        default=BEST,
        metadata={"choices": tuple(GENERATORS), "help": f"which network (default: {BEST})"},
    )
    strength: float = field(
        default=1.0,
        metadata={
            "metavar": "X",
            "help": "how much to change, 0.2 to 1.8 (default: 1; not with merged)",
        },
    )
    search: bool = field(
        default=False,
        metadata={"help": "optimise the change by gradient on each picture (needs PyTorch)"},
    )
    max_seconds: float = field(
        default=60.0, metadata={"metavar": "S", "help": "longest search per picture (default: 60)"}
    )


_MODEL = {"choices": HUMAN_NAMES, "help": f"which JND (default: {HUMAN_DEFAULT})"}


@dataclass(frozen=True)
class HumanOptions:
    """Options of `python -m engine human`."""

    out: Path = field(default=Path("out"), metadata=_OUT)
    model: str = field(default=HUMAN_DEFAULT, metadata=_MODEL)
    metrics: bool = field(
        default=False,
        metadata={"help": "also SSIM, CIEDE2000, JOD, FSIM and VIF (some seconds per megapixel)"},
    )
    array: bool = field(
        default=False,
        metadata={"help": "also the thresholds as NAME.human.npy (12 bytes per pixel)"},
    )
    json: bool = field(default=False, metadata={"help": "one JSON object per picture on stdout"})
    level: float | None = field(
        default=None, metadata={"metavar": "X", "help": "noise at X times the JND (default: 1)"}
    )
    psnr: float | None = field(
        default=None, metadata={"metavar": "DB", "help": "noise at the level with this PSNR"}
    )
    seed: int = field(default=0, metadata={"help": "of the noise's signs (default: 0)"})
    device: str = field(default="auto", metadata={"choices": DEVICES, "help": "where to run"})
    weights: str | None = field(
        default=None,
        metadata={"metavar": "DIR", "help": 'folder of models, or "hub" (default: embedded)'},
    )


@dataclass(frozen=True)
class QualityOptions:
    """Options of `python -m engine quality`."""

    metrics: bool = field(
        default=False, metadata={"help": "also JOD, FSIM and VIF (some seconds; needs PyTorch)"}
    )
    model: str = field(default=HUMAN_DEFAULT, metadata=_MODEL)
    json: bool = field(default=False, metadata={"help": "one JSON object on stdout"})
    device: str = field(default="auto", metadata={"choices": DEVICES, "help": "where to run"})
    weights: str | None = field(
        default=None,
        metadata={"metavar": "DIR", "help": 'folder of models, or "hub" (default: embedded)'},
    )


@dataclass(frozen=True)
class CloakOptions:
    """Options of `python -m engine cloak`."""

    out: Path = field(default=Path("out"), metadata=_OUT)
    method: str = field(
        default="ours", metadata={"metavar": "NAME", "help": "the attack (default: ours)"}
    )
    target: str | None = field(
        default=None,
        metadata={"metavar": "PHOTO", "help": "be taken for this person; need not hide who it is"},
    )
    face: str | None = field(
        default=None,
        metadata={
            "metavar": "N",
            "help": 'which face, 1 being the largest that is certain, or "all"',
        },
    )
    gallery: str | None = field(
        default=None,
        metadata={"metavar": "DIR", "help": "photos that the cloaked face must not match either"},
    )
    lasting: bool = field(
        default=False,
        metadata={"help": "hold after JPEG and half size too: a larger change"},
    )
    jnd: str = field(
        default=HUMAN_DEFAULT,
        metadata={"choices": HUMAN_NAMES, "help": f"model of the eye (default: {HUMAN_DEFAULT})"},
    )
    max_seconds: float = field(
        default=120.0, metadata={"metavar": "S", "help": "longest search per face (default: 120)"}
    )
    json: bool = field(default=False, metadata={"help": "one JSON object per photo on stdout"})
    device: str = field(default="auto", metadata={"choices": DEVICES, "help": "where to run"})
    weights: str | None = field(
        default=None,
        metadata={"metavar": "DIR", "help": 'folder of models, or "hub" (default: embedded)'},
    )


@dataclass(frozen=True)
class VerifyOptions:
    """Options of `python -m engine verify`."""

    json: bool = field(default=False, metadata={"help": "one JSON object on stdout"})


def add_options(parser: argparse.ArgumentParser, options: type) -> None:
    """One argument per field of a frozen dataclass: its name, default and metadata."""
    for item in fields(options):
        flag = "--" + item.name.replace("_", "-")
        if item.type == "bool":
            parser.add_argument(flag, action="store_true", **item.metadata)
        else:
            kinds = {"Path": Path, "float": float, "float | None": float, "int": int}
            kind = kinds.get(item.type, str)
            needed = item.default is MISSING
            default = None if needed else item.default
            parser.add_argument(flag, type=kind, required=needed, default=default, **item.metadata)
