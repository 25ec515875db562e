"""Which results of an earlier run still hold: those of the same options, models and version."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import fields
from pathlib import Path

from .. import __version__
from ..models.locate import ENVIRONMENT, sha256_of
from ..models.registry import MODELS

ELSEWHERE = ("json", "out", "workers", "ray")  # what changes no result
FILES = ("panel", "labels", "target")  # options that name files, a panel several
FOLDERS = ("gallery", "weights")  # options that name a folder


def key_of(options: object) -> str:
    """A sha256, hexadecimal, of a dataclass of options and of everything that it names.

    The version of this package, the digests of the models that it pins, and of each file that an
    option names: a model with its external data, labels, a photo, a folder of them or of weights.
    """
    values = {
        item.name: getattr(options, item.name)
        for item in fields(options)
        if item.name not in ELSEWHERE
    }
    folders = [values.get(name) for name in FOLDERS]
    if values.get("weights") is None:
        folders.append(os.environ.get(ENVIRONMENT))
    given = [value for name in FILES for value in several(values.get(name))]
    paths = [path for value in given for path in files_of(value)]
    paths += [Path(folder) for folder in folders if folder and os.path.isdir(folder)]
    whole = {
        "version": __version__,
        "options": values,
        "models": {model.file: model.sha256 for model in MODELS.values()},
        "files": [digests(path) for path in paths],
    }
    return hashlib.sha256(json.dumps(whole, default=str).encode()).hexdigest()


def several(value: object) -> tuple:
    """What an option was given, as a tuple."""
    return () if value is None else value if isinstance(value, tuple) else (value,)


def files_of(value: str) -> list[Path]:
    """The files in an option's value: it is one, or has some, as "a.onnx,timm:NAME=FILE" has."""
    if os.path.isfile(value):
        return [Path(value)]
    return [Path(part) for part in re.split(r"\s*[,=]\s*", value) if os.path.isfile(part)]


def digests(path: Path) -> dict[str, str]:
    """sha256 of a file and what belongs to it, or of all files of a folder, by their names."""
    if path.is_dir():
        within = sorted(each for each in path.rglob("*") if each.is_file())
        return {str(each.relative_to(path)): sha256_of(each) for each in within}
    return {each.name: sha256_of(each) for each in (path, *external_data(path))}


def external_data(path: Path) -> list[Path]:
    """The files beside an ONNX file whose names are in it: there it keeps its weights."""
    if path.suffix.lower() != ".onnx":
        return []
    data = path.read_bytes()
    if b"location" not in data:  # the field that names such a file
        return []
    beside = sorted(each for each in path.parent.iterdir() if each.is_file() and each != path)
    return [each for each in beside if os.fsencode(each.name) in data]
