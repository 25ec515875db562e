"""The astronaut, cloaked by the methods that *Compare* begins with, and what was measured of it.

python -m demo.examples.cloak        # makes all of it anew: some minutes

Of each method there is the part of the photo that it changed, as a PNG, and a JSON with its place
and with what was measured on the whole file.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from engine.cloak.judge.survival import Survival
from engine.cloak.result import CloakedFace, CloakedPhoto, RecogniserVerdict
from engine.faces.verification import Match
from engine.images.picture import decode, encode_png, open_image
from engine.images.samples import sample_paths
from engine.metrics.quality import Quality
from engine.models.available import human_models
from engine.system.files import write_files

from ..handlers.cloak import FIRST, Rated, compare

NAME = "astronaut"
SECONDS = 60.0  # of each method
OF_PHOTO = ("psnr_db", "largest", "changed_share", "beyond_share")


def sample() -> Path:
    """The photo itself."""
    return next(path for path in sample_paths() if path.stem == NAME)


def stored(method: str, kind: str) -> Path:
    """The file of a method. kind: png or json."""
    return Path(__file__).with_name(f"{NAME}.{method}.{kind}")


@cache
def load(method: str = FIRST[0]) -> Rated:
    """The result, as the search returned it."""
    numbers = json.loads(stored(method, "json").read_text())
    face = numbers["face"]
    face["box"] = tuple(face["box"])
    face["survives"] = {name: Survival(**each) for name, each in face["survives"].items()}
    face["recognisers"] = {
        name: RecogniserVerdict(**each) for name, each in face["recognisers"].items()
    }
    face["others"] = {name: Match(**each) for name, each in face["others"].items()}
    original = open_image(sample()).pixels
    top, left = numbers["at"]
    part = decode(stored(method, "png").read_bytes()).pixels
    pixels = original.copy()
    pixels[top : top + part.shape[0], left : left + part.shape[1]] = part
    cloaked = CloakedPhoto(
        original=original,
        pixels=pixels,
        file=encode_png(pixels),
        format="png",
        faces=(CloakedFace(**face),),
        notes=(),
        **{name: numbers[name] for name in OF_PHOTO},
    )
    return Rated(method, cloaked, Quality(**numbers["quality"]))


def files_of(rated: Rated) -> dict[Path, bytes]:
    """What is stored of a result of the sample."""
    result = rated.cloak
    rows, columns = np.nonzero(np.any(result.original != result.pixels, axis=2))
    top, left = int(rows.min()), int(columns.min())
    part = result.pixels[top : rows.max() + 1, left : columns.max() + 1]
    numbers = {"at": [top, left], **{name: float(getattr(result, name)) for name in OF_PHOTO}}
    numbers["largest"] = int(result.largest)
    numbers["face"] = asdict(result.faces[0])
    numbers["quality"] = asdict(rated.quality)
    text = json.dumps(numbers, indent=1) + "\n"
    return {
        stored(rated.method, "png"): encode_png(np.ascontiguousarray(part)),
        stored(rated.method, "json"): text.encode(),
    }


if __name__ == "__main__":
    files = {}
    photo, eye = open_image(sample()), human_models()[0]
    for step in compare(photo, FIRST, seconds=SECONDS, jnd=eye):
        if isinstance(step, Rated):
            files |= files_of(step)
    write_files(files)
