"""The astronaut, cloaked with the usual options: a file and what was measured on it.

python -m demo.examples.cloak        # makes both anew: a minute or two
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

from engine.cloak.judge.survival import Survival
from engine.cloak.result import CloakedFace, CloakedPhoto
from engine.images.picture import decode, open_image
from engine.images.samples import sample_paths
from engine.system.files import write_files

NAME = "astronaut"
PNG = Path(__file__).with_name(f"{NAME}.cloaked.png")
NUMBERS = Path(__file__).with_name(f"{NAME}.cloaked.json")
OF_PHOTO = ("psnr_db", "largest", "changed_share", "beyond_share")


def sample() -> Path:
    """The photo itself."""
    return next(path for path in sample_paths() if path.stem == NAME)


@cache
def load() -> CloakedPhoto:
    """The result, as the search returned it."""
    numbers = json.loads(NUMBERS.read_text())
    face = numbers["face"]
    face["box"] = tuple(face["box"])
    face["survives"] = {name: Survival(**each) for name, each in face["survives"].items()}
    png = PNG.read_bytes()
    return CloakedPhoto(
        original=open_image(sample()).pixels,
        pixels=decode(png).pixels,
        file=png,
        format="png",
        faces=(CloakedFace(**face),),
        notes=(),
        **{name: numbers[name] for name in OF_PHOTO},
    )


def save(result: CloakedPhoto) -> None:
    """Write a result of the sample in place of the present one. Raises OutputError."""
    numbers = {name: float(getattr(result, name)) for name in OF_PHOTO}
    numbers["largest"] = int(result.largest)
    numbers["face"] = asdict(result.faces[0])
    text = json.dumps(numbers, indent=1) + "\n"
    write_files({PNG: result.png, NUMBERS: text.encode()})


if __name__ == "__main__":
    from engine import cloak_photo

    save(cloak_photo(sample(), format="png"))
