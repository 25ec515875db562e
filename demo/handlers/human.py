"""The human JND of one picture, and the picture with noise at that threshold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.errors import UsageError
from engine.human import HUMAN_MODELS
from engine.human.result import HumanResult
from engine.human.result import measure as engine_measure
from engine.images.fit import fitted
from engine.images.picture import Picture, encode_png, open_image
from engine.metrics.quality import PERCEPTUAL, SLOW
from engine.system.progress import Progress

LEVELS = (0.0, 8.0)  # times the threshold, that the page offers


@dataclass(frozen=True)
class HumanView:
    """The result, and its pictures as the bytes of PNG files."""

    result: HumanResult
    original: bytes
    noisy: bytes
    map: bytes
    numbers: dict


def measure(
    picture: Picture,
    model: str,
    level: float,
    *,
    psnr_db: float | None = None,
    seed: int = 0,
    perceptual: bool = False,
    max_pixels: int,
) -> Iterator[str | HumanView]:
    """What is being done, in words, then the view. Raises EngineError.

    model: of `engine.human.HUMAN_MODELS`; level: times the threshold, unless psnr_db sets
    it by the PSNR of the noise; perceptual: also JOD, FSIM and VIF, which take some seconds;
    max_pixels: larger pictures are shrunk to that.
    """
    if model not in HUMAN_MODELS:
        raise UsageError(f"no model {model}: choose from {', '.join(HUMAN_MODELS)}")
    if psnr_db is None and not LEVELS[0] <= level <= LEVELS[1]:
        raise UsageError(f"level {level:g} is outside {LEVELS[0]:g}…{LEVELS[1]:g}: 1 is the usual")
    if psnr_db is not None and not 5 <= psnr_db <= 60:
        raise UsageError(f"PSNR {psnr_db:g} dB: ask for 5 to 60")
    reduced = fitted(picture, max_pixels)
    metrics = (*SLOW, *(PERCEPTUAL if perceptual else ()))
    steps = engine_measure(reduced, model, level=level, psnr_db=psnr_db, seed=seed, metrics=metrics)
    for result in steps:
        if isinstance(result, Progress):
            yield f"{result.doing[0].upper()}{result.doing[1:]} …"
    yield HumanView(
        result=result,
        original=encode_png(reduced.pixels),
        noisy=encode_png(result.noisy),
        map=encode_png(result.jnd_map),
        numbers=result.to_dict(),
    )


@lru_cache(maxsize=16)
def of_sample(path: Path, model: str, level: float, perceptual: bool, max_pixels: int) -> HumanView:
    """`measure` of a picture that everybody may see, cached."""
    picture = open_image(path)
    *_, view = measure(picture, model, level, perceptual=perceptual, max_pixels=max_pixels)
    return view
