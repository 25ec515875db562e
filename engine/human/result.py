"""The human JND of one picture: its thresholds, noise at the thresholds, and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..images.picture import Picture
from ..metrics.quality import Quality, steps
from ..models.registry import HUMAN_DEFAULT
from ..system.progress import Progress
from .injection import inject, level_for_psnr
from .models import thresholds

MAP_SCALE = 8  # the map's grey levels per level of threshold: 32 levels and more are white


@dataclass(frozen=True)
class HumanResult:
    """Thresholds of one picture and noise at `level` times them.

    jnd float32 H×W×3 in 8-bit levels; noisy uint8 H×W×3; level: the factor that was used; quality:
    of noisy against the picture; mean: of jnd over R, G, B; size (width, height).
    """

    jnd: np.ndarray
    noisy: np.ndarray
    level: float
    seed: int
    model: str
    quality: Quality
    mean: tuple[float, float, float]
    size: tuple[int, int]
    notes: tuple[str, ...]

    @property
    def jnd_map(self) -> np.ndarray:
        """uint8 H×W×3: eight times the threshold, 32 levels and more are white."""
        return np.rint(np.minimum(self.jnd, 255 / MAP_SCALE) * MAP_SCALE).astype(np.uint8)

    def to_dict(self) -> dict:
        """As JSON; null: infinite, not requested, or missing."""
        quality = self.quality.to_dict()
        del quality["jnd_model"]
        return {
            "size": list(self.size),
            "model": self.model,
            "mean_threshold": [round(value, 4) for value in self.mean],
            "level": round(self.level, 6),
            "seed": self.seed,
            **quality,
            "notes": list(self.notes),
        }


def measure(
    picture: Picture,
    model: str = HUMAN_DEFAULT,
    *,
    level: float = 1.0,
    psnr_db: float | None = None,
    seed: int = 0,
    metrics: Sequence[str] = (),
    weights: str | None = None,
    device: str = "auto",
) -> Iterator[Progress | HumanResult]:
    """The steps of the work, then the result. Raises as `human_jnd`, UsageError.

    level: noise at this many times the threshold, unless psnr_db is given, the PSNR that the noise
    is to have; seed: of the noise's signs; metrics: which to add of `quality.SLOW` and
    `PERCEPTUAL`.
    """
    yield Progress("computing the threshold of every pixel", 0)
    jnd = thresholds(picture.pixels, model, weights=weights, device=device)
    yield Progress("adding noise at the threshold", 0.6)
    if psnr_db is not None:
        level = level_for_psnr(picture.pixels, jnd, psnr_db, seed)
    noisy = inject(picture.pixels, jnd, level, seed)
    yield Progress("measuring how far apart the pictures are", 0.8)
    *_, quality = steps(picture.pixels, noisy, tuple(metrics), jnd=jnd, jnd_model=model)
    yield HumanResult(
        jnd=jnd,
        noisy=noisy,
        level=level,
        seed=seed,
        model=model,
        quality=quality,
        mean=tuple(float(value) for value in jnd.mean((0, 1), dtype=np.float64)),
        size=picture.size,
        notes=picture.notes,
    )
