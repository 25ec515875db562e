"""Where a model's file is; its size and sha256 digest are checked here.

`locate` tries, in this order: a directory that was named, the directory named by the environment
variable JND_WEIGHTS, the files embedded in this package, the Hugging Face Hub. The word "hub" in
either of the first two places goes to the Hub directly. Whatever the place, a file whose sha256 is
not the expected one is an error.
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
from .registry import MODELS, Model

EMBEDDED = Path(__file__).parent / "weights"
ENVIRONMENT = "JND_WEIGHTS"


@dataclass(frozen=True)
class Located:
    """A checked file, where it came from, and its sha256."""

    path: Path
    origin: str
    sha256: str


def locate(name: str, weights: str | os.PathLike | None = None) -> Located:
    """Find and check the file of one row of `MODELS`. Raises WeightsError.

    A named directory that lacks a model which `python -m export` does not write, the face
    recogniser, leaves it to the places after it.
    """
    model = MODELS[name]
    place, source = weights, "--weights"
    if place is None and os.environ.get(ENVIRONMENT):
        place, source = os.environ[ENVIRONMENT], ENVIRONMENT
    if place is not None and str(place) != "hub":
        folder = Path(place)
        if model.trained_here or (folder / model.file).is_file() or not folder.is_dir():
            return _from_directory(model, folder, source)
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
    actual_size = path.stat().st_size
    if size is not None and actual_size != size:
        raise WeightsError(
            f"{path} has {actual_size:,} bytes, expected {size:,}: "
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
    """A file's sha256 in hexadecimal, computed again only when the file changes."""
    status = path.stat()
    return _digest(path, status.st_mtime_ns, status.st_size)


@lru_cache
def _digest(path: Path, modified: int, size: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _from_directory(model: Model, folder: Path, source: str) -> Located:
    """The file of a directory, whose own provenance file, if any, has the right sha256.

    source: what named the directory, an option or an environment variable.
    """
    path = folder / model.file
    if not path.is_file():
        raise WeightsError(
            f"{source} names {folder}, which holds no {model.file}: "
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
    cached_path = cached(model.repo, model.file, model.revision)
    if cached_path is not None:
        try:
            return checked(cached_path, origin, model.sha256, model.size)
        except WeightsError as error:
            print(f"{error}: asking the Hub", file=sys.stderr)
    again = cached_path is not None
    path = fetch(model.repo, model.file, model.revision, model.size, again=again)
    try:
        return checked(path, origin, model.sha256, model.size)
    except WeightsError as error:
        raise WeightsError(
            f"{error}, or leave `hub` out; if it stays so, {model.repo} at {model.revision} "
            "is not what this version was made for"
        ) from None
