"""The machine JND of one picture, with white noise of the same energy beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.images.picture import Picture, encode_png, open_image
from engine.machine import report
from engine.machine.jnd import MachineResult, load
from engine.machine.noise import NoiseControl, noise_beside


@dataclass(frozen=True)
class MachineView:
    """The result, its control, and their pictures as the bytes of PNG files, 32×32."""

    result: MachineResult
    noise: NoiseControl
    original: bytes
    distorted: bytes
    jnd: bytes
    cam: bytes
    numbers: dict


def measure(
    picture: Picture, strength: float, generator: str, members: tuple[str, ...] | None = None
) -> MachineView:
    """The largest change that these members of the panel do not notice. Raises EngineError.

    strength, generator, members: as `engine.machine.jnd.MachineJND` takes them.
    """
    machine = load(generator=generator)
    machine.check_strength(strength)
    result = machine(picture, strength=strength, members=members)
    noise = noise_beside(machine, result)
    numbers = report.as_json(result, "", {})
    for without in ("image", "files"):
        del numbers[without]
    said = zip(numbers["labels"], noise.labels, strict=True)
    numbers["labels"] = [
        row | {"noise": label.after, "confidence_noise": round(label.confidence_after, 6)}
        for row, label in said
    ]
    return MachineView(
        result=result,
        noise=noise,
        original=encode_png(result.original),
        distorted=result.png,
        jnd=encode_png(result.jnd_map),
        cam=encode_png(report.heat(np.asarray(result.cam))),
        numbers=numbers | {"members": list(result.members), "noise_psnr_db": noise.psnr_db},
    )


@lru_cache(maxsize=64)
def of_sample(
    path: Path, strength: float, generator: str, members: tuple[str, ...] | None
) -> MachineView:
    """`measure` of a picture that everybody may see, remembered."""
    return measure(open_image(path), strength, generator, members)


def classifiers() -> tuple[str, ...]:
    """Names of the panel's members."""
    return load().classifiers
