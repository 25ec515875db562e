"""The machine JND of one picture, and white noise of the same PSNR."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.images.picture import Picture, encode_png, open_image
from engine.machine.figure import heat
from engine.machine.jnd import load
from engine.machine.noise import NoiseControl, noise_of_same_psnr
from engine.machine.result import MachineResult


@dataclass(frozen=True)
class MachineView:
    """The result, white noise of its PSNR, and the pictures as bytes of PNG files, 32×32."""

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

    strength, generator, members: as `engine.machine.MachineJND` takes them. numbers: as
    `MachineResult.to_dict`, each label with that of the noise, the members, the noise's PSNR.
    """
    machine = load(generator=generator)
    machine.generator.check_strength(strength)
    result = machine(picture, strength=strength, members=members)
    noise = noise_of_same_psnr(machine, result)
    labels = [
        label.to_dict()
        | {"noise": noisy.after, "confidence_noise": round(noisy.confidence_after, 6)}
        for label, noisy in zip(result.labels, noise.labels, strict=True)
    ]
    beside = {"labels": labels, "members": list(result.members), "noise_psnr_db": noise.psnr_db}
    return MachineView(
        result=result,
        noise=noise,
        original=encode_png(result.original),
        distorted=result.png,
        jnd=encode_png(result.jnd_map),
        cam=encode_png(heat(result.cam)),
        numbers=result.to_dict() | beside,
    )


@lru_cache(maxsize=64)
def of_sample(
    path: Path, strength: float, generator: str, members: tuple[str, ...] | None
) -> MachineView:
    """`measure` of a picture that everybody may see, cached."""
    return measure(open_image(path), strength, generator, members)


def classifiers() -> tuple[str, ...]:
    """Names of the panel's members."""
    return load().panel.classifiers
