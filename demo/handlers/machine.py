"""The machine JND of one picture, and white noise of the same PSNR."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import mean

from engine.images.fit import fitted
from engine.images.picture import Picture, encode_png, open_image
from engine.machine.figure import heat
from engine.machine.jnd import candidates, load, panel_for
from engine.machine.noise import NoiseControl, noise_of_same_psnr
from engine.machine.result import MachineResult
from engine.models.available import panels
from engine.models.registry import AUTO, BEST
from engine.panels.predicted import LabelChange

SURE = 0.3  # a confidence below it is a guess
SMALL = "cifar10"  # the panel that is given a thumbnail, and has members and generators to choose


@dataclass(frozen=True)
class MachineView:
    """The result, white noise of its PSNR, and the pictures as bytes of PNG files of one size.

    class_names: all that a classifier of the panel can predict.
    """

    result: MachineResult
    noise: NoiseControl
    original: bytes
    distorted: bytes
    jnd: bytes
    cam: bytes
    class_names: tuple[str, ...]
    numbers: dict

    @property
    def unsure(self) -> bool:
        return unsure(self.result.labels)


def unsure(labels: Iterable[LabelChange]) -> bool:
    """Whether a panel disagrees on the original, or its mean confidence is below `SURE`."""
    labels = tuple(labels)
    disagree = len({label.before for label in labels}) > 1
    return disagree or mean(label.confidence_before for label in labels) < SURE


def measure(
    picture: Picture,
    strength: float,
    generator: str = BEST,
    members: tuple[str, ...] | None = None,
    panel: str = AUTO,
    max_pixels: int = 1_000_000,
) -> MachineView:
    """The largest change that these members of a panel do not notice. Raises EngineError.

    strength, generator, members, panel: as `engine.machine.MachineJND` takes them; or auto, the
    panel that has these members, by default the one for the picture's size; max_pixels: larger
    pictures are shrunk to that. numbers: as `MachineResult.to_dict`, each label with that of the
    noise, the members, the noise's PSNR, and whether the panel is unsure what the picture shows.
    """
    if panel == AUTO and members and set(members) <= set(classifiers()):
        panel = SMALL
    names = candidates(panel, generator)
    machine = load(generator=generator, panel=panel_for(picture.size, names))
    machine.generator.check_strength(strength)
    result = machine(fitted(picture, max_pixels), strength=strength, members=members)
    noise = noise_of_same_psnr(machine, result)
    labels = [
        label.to_dict()
        | {"noise": noisy.after, "confidence_noise": round(noisy.confidence_after, 6)}
        for label, noisy in zip(result.labels, noise.labels, strict=True)
    ]
    beside = {
        "labels": labels,
        "members": list(result.members),
        "noise_psnr_db": noise.psnr_db,
        "unsure": unsure(result.labels),
    }
    return MachineView(
        result=result,
        noise=noise,
        original=encode_png(result.original),
        distorted=result.png,
        jnd=encode_png(result.jnd_map),
        cam=encode_png(heat(result.cam)),
        class_names=machine.panel.class_names[0],
        numbers=result.to_dict() | beside,
    )


@lru_cache(maxsize=16)
def of_sample(
    path: Path, strength: float, generator: str, members: tuple[str, ...] | None, panel: str
) -> MachineView:
    """`measure` of a picture that everybody may see, cached."""
    return measure(open_image(path), strength, generator, members, panel)


def classifiers(panel: str = SMALL) -> tuple[str, ...]:
    """Names of a panel's members, as its results have them."""
    return load(panel=panel).panel.classifiers


def every_classifier() -> tuple[str, ...]:
    """Names of the members of all panels."""
    return tuple(name for panel in panels() for name in classifiers(panel))
