"""Samples that were compressed beforehand, for the search takes a while.

python -m demo.examples.compress     # writes them anew, after a change of the search or the panel
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from engine.compress.encoded import Encoded
from engine.compress.formats import decoded
from engine.compress.original import Original, from_file
from engine.compress.result import CompressedPhoto
from engine.images.samples import sample_paths
from engine.panels.predicted import LabelChange
from engine.system.files import write_files

from ..handlers.compress import compress

NAMES = ("chelsea", "coffee", "astronaut")
FORMAT, METHOD, KEEP = "jpeg", "search", "top1"
SECONDS = 120.0  # longer than a visitor waits: the search ends before
APART = ("original", "pixels", "data", "plain", "labels", "rule", "notes")


def original_of(name: str) -> Original:
    """The sample and its file."""
    path = next(path for path in sample_paths() if path.stem == name)
    return from_file(path.read_bytes(), path.name)


def stored(name: str, kind: str) -> Path:
    """The file of a sample. kind: jpg, of the result; plain.jpg, of plain encoding; json."""
    return Path(__file__).with_name(f"{name}.compressed.{kind}")


@cache
def load(name: str) -> CompressedPhoto:
    """The result, as the search returned it."""
    numbers = json.loads(stored(name, "json").read_text())
    settings, plain = numbers["settings"], numbers.pop("plain")
    data = stored(name, "jpg").read_bytes()
    return CompressedPhoto(
        original=original_of(name).pixels,
        pixels=decoded(Encoded(data, FORMAT, settings)),
        data=data,
        plain=Encoded(stored(name, "plain.jpg").read_bytes(), FORMAT, plain),
        labels=tuple(LabelChange(**each) for each in numbers.pop("labels")),
        notes=(),
        **numbers,
    )


def files_of(name: str, result: CompressedPhoto) -> dict[Path, bytes]:
    """What is stored of a result."""
    numbers = {key: value for key, value in vars(result).items() if key not in APART}
    numbers["psnr_db"] = float(result.psnr_db)
    numbers["plain"] = result.plain.settings
    numbers["labels"] = [asdict(each) for each in result.labels]
    return {
        stored(name, "jpg"): result.data,
        stored(name, "plain.jpg"): result.plain.data,
        stored(name, "json"): (json.dumps(numbers, indent=1) + "\n").encode(),
    }


def make(name: str) -> CompressedPhoto:
    """Search for the sample's smallest file."""
    chosen = {"format": FORMAT, "method": METHOD, "keep": KEEP, "seconds": SECONDS}
    *_, result = compress(original_of(name), most=SECONDS, **chosen)
    return replace(result, seconds=round(result.seconds, 1))


if __name__ == "__main__":
    files = {}
    for each in NAMES:
        files |= files_of(each, make(each))
    write_files(files)
