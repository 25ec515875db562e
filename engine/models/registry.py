"""The models, as rows of one table, and where their files are found.

`locate` looks, in this order, at: a directory that was named, the directory named by the
environment variable JND_WEIGHTS, the files embedded in this package, the Hugging Face Hub.
The word "hub" in either of the first two places asks for the Hub directly. Whatever the
place, a file whose sha256 is not the expected one is an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import WeightsError

EMBEDDED = Path(__file__).parent / "weights"
LICENCE = "Apache-2.0"
ENVIRONMENT = "JND_WEIGHTS"
PROVENANCE = "provenance.json"  # in a directory of weights: {"files": {NAME: {"sha256": …}}}


@dataclass(frozen=True)
class Model:
    """One ONNX file, its contract in its own metadata, or one safetensors file."""

    name: str
    file: str
    sha256: str  # "" where there are no weights to ship yet
    size: int  # bytes
    repo: str  # on the Hugging Face Hub
    revision: str  # of that repository: a tag or a commit; the sha256 pins the content
    licence: str
    provenance: str = PROVENANCE
    trained_here: bool = True  # else `python -m export` writes none, and a folder may lack it


@dataclass(frozen=True)
class Located:
    """A checked file, where it came from, and its sha256."""

    path: Path
    origin: str
    sha256: str


def _row(
    name: str, sha256: str, size: int, repo: str = "just-noticeable/machine-jnd-cifar10"
) -> Model:
    """A row of the table, by default of the machine JND on CIFAR-10."""
    return Model(
        name=name,
        file=f"{name}.onnx",
        sha256=sha256,
        size=size,
        repo=repo,
        revision="v0.2.0",
        licence=LICENCE,
    )


# Classifiers (picture -> logits and class activation map) of the panel and outside it, the
# generators (picture and CAMs -> change), and the human JND (picture -> threshold).
MODELS = {
    row.name: row
    for row in (
        _row(
            "alexnet-cifar10",
            "879e56277a7ec9da060529fec453fbe1d092fd775c6de29b17196e754dcc4957",
            1_947_480,
        ),
        _row(
            "vgg-cifar10",
            "b4801094d4fa4fa8bd98ce6dc48ecbb70145cb52c1ef8e495a062b0227fe9604",
            3_885_804,
        ),
        _row(
            "resnet-cifar10",
            "043967b36a6de8202db10cca5d220b06ed81c5ecf3e1d056b85bc8d6a3daf9b6",
            3_739_532,
        ),
        _row(
            "densenet-cifar10",
            "e4b51949f3d03df771244a6494115f594aa3ca9e58be8d54c268636af948f104",
            2_747_876,
        ),
        _row(
            "mobilenet-cifar10",
            "b1b786c5f5f68df26e713ef5163b8e4e881803fefb542cc2c93bf00f7a97c54c",
            555_013,
        ),
        _row(
            "convnext-cifar10",
            "3179f596ef4c61291bd2087bbc0fb41ffcc99d8ba1ed8d6a2ad6bf620e001d4b",
            1_413_976,
        ),
        _row(
            "vit-cifar10",
            "f22a77a866624ad68d4718d992df0fc1bbaea832a65a2d3ee1b37f93c6e710e3",
            1_817_086,
        ),
        _row(
            "generator-conditioned-cifar10",
            "dc6a03365300d8b877e419b47ef1ac863eef93e9df7c5e470c768f09691b053a",
            1_707_047,
        ),
        _row(
            "generator-merged-cifar10",
            "eacf78490f279abd4846221b261891d646d0bf3671d72dcaabc1fd46e090b906",
            1_516_676,
        ),
        _row(
            "generator-transfer-cifar10",
            "64f3919ad216e54a44faf410a2f7d6b47ce5272680fd5e68a2f528e791ec2821",
            1_694_449,
        ),
        _row(
            "hvs-sd",
            "39199ce32b6138ed1a7082f936300a332c553eab2b8fb850588cd00e932afc98",
            304_403,
            "just-noticeable/human-jnd",
        ),
    )
}
# In the order in which a conditioned generator knows them.
PANEL = ("alexnet-cifar10", "vgg-cifar10", "resnet-cifar10", "densenet-cifar10")
UNSEEN = ("mobilenet-cifar10", "convnext-cifar10", "vit-cifar10")
# merged: the paper's architecture, which sees the merged CAM. conditioned: sees each classifier's
# CAM and label. transfer: trained to hold for machines outside the panel as well.
GENERATORS = {name: f"generator-{name}-cifar10" for name in ("conditioned", "merged", "transfer")}
BEST = "conditioned"
HUMAN = "hvs-sd"
HUMAN_NAMES = ("chou1995", "yang2005", "liu2010", "wu2013", "wu2017", "rgb2022", HUMAN)
HUMAN_DEFAULT = HUMAN

# The face recogniser: no ONNX, for what uses it needs its gradient.
RECOGNISER = "face-recogniser"
MODELS[RECOGNISER] = Model(
    name=RECOGNISER,
    file=f"{RECOGNISER}.safetensors",
    sha256="69f42712d4f1a3b439837f291186f536b6477a2fe95249fab45bf811ce4c0cd4",
    size=11_220_200,
    repo="just-noticeable/face-recogniser",
    revision="v0.2.0",
    licence="CC0-1.0",
    provenance="recogniser.json",
    trained_here=False,
)


def locate(name: str, weights: str | os.PathLike | None = None) -> Located:
    """Find and check the file of one row of `MODELS`. Raises WeightsError.

    A named directory that lacks a model which `python -m export` does not write, the face
    recogniser, leaves it to the places after it.
    """
    model = MODELS[name]
    place, said = weights, "--weights"
    if place is None and os.environ.get(ENVIRONMENT):
        place, said = os.environ[ENVIRONMENT], ENVIRONMENT
    if place is not None and str(place) != "hub":
        folder = Path(place)
        if model.trained_here or (folder / model.file).is_file() or not folder.is_dir():
            return _from_directory(model, folder, said)
        place = None
    if not model.sha256:
        raise WeightsError(
            f"{name} is not trained yet, no weights of it are published: choose another model, or "
            "train and export it (training/README.md) and name the folder with --weights DIR"
        )
    if place is None and (EMBEDDED / model.file).is_file():
        path = EMBEDDED / model.file
        return checked(path, "embedded", model.sha256, model.size)
    return _from_hub(model)


def checked(path: Path, origin: str, sha256: str, size: int | None = None) -> Located:
    """The file, its size and sha256 being the expected ones; else WeightsError."""
    found = path.stat().st_size
    if size is not None and found != size:
        raise WeightsError(
            f"{path} has {found:,} bytes, expected {size:,}: "
            "the file was changed or cut short; get it again"
        )
    actual = sha256_of(path)
    if actual != sha256:
        raise WeightsError(
            f"{path} has sha256 {actual[:12]}…, expected {sha256[:12]}…: "
            "the file was changed or damaged; get it again"
        )
    return Located(path, origin, actual)


def sha256_of(path: Path) -> str:
    """A file's sha256 in hexadecimal, remembered until the file changes."""
    status = path.stat()
    return _digest(path, status.st_mtime_ns, status.st_size)


@lru_cache
def _digest(path: Path, modified: int, size: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _from_directory(model: Model, folder: Path, said: str) -> Located:
    """A directory's own provenance file, where it has one, says which sha256 is right there."""
    path = folder / model.file
    if not path.is_file():
        raise WeightsError(
            f"{said} names {folder}, which holds no {model.file}: "
            "name a directory made by `python -m export`, or leave the option out"
        )
    listed = _listed(folder / model.provenance, model)
    if listed is None:
        return checked(path, str(folder), model.sha256, model.size)
    return checked(path, str(folder), listed)


def _listed(provenance: Path, model: Model) -> str | None:
    if not provenance.is_file():
        return None
    try:
        return json.loads(provenance.read_text())["files"][model.file]["sha256"]
    except (ValueError, KeyError, TypeError):
        raise WeightsError(
            f'{provenance} does not list {model.file} as {{"files": {{NAME: {{"sha256": …}}}}}}: '
            "write it again with `python -m export`"
        ) from None


def _from_hub(model: Model) -> Located:
    """The cache's file where it is the pinned one, without a request; else the Hub's."""
    from .hub import cached, fetch

    origin = f"Hub {model.repo}@{model.revision}"
    held = cached(model.repo, model.file, model.revision)
    if held is not None:
        try:
            return checked(held, origin, model.sha256, model.size)
        except WeightsError as error:
            print(f"{error}: asking the Hub", file=sys.stderr)
    path = fetch(model.repo, model.file, model.revision, again=held is not None)
    try:
        return checked(path, origin, model.sha256, model.size)
    except WeightsError as error:
        raise WeightsError(
            f"{error}, or leave `hub` out; if it stays so, {model.repo} at {model.revision} "
            "is not what this version was made for"
        ) from None
