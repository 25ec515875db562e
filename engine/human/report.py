"""The human JND of one picture as people and programs read it: measured, written, listed."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..commands.options import HumanOptions
from ..images.output import write_files
from ..images.picture import Picture, encode_png
from ..metrics.quality import Quality, steps
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


def measure(picture: Picture, options: HumanOptions) -> HumanResult:
    """Thresholds, noise and the quick numbers of one picture. Raises as `human_jnd`, UsageError."""
    jnd = thresholds(picture.pixels, options.model, weights=options.weights, device=options.device)
    level = 1.0 if options.level is None else options.level
    if options.psnr is not None:
        level = level_for_psnr(picture.pixels, jnd, options.psnr, options.seed)
    noisy = inject(picture.pixels, jnd, level, options.seed)
    *_, quality = steps(picture.pixels, noisy, jnd=jnd, jnd_model=options.model)
    return HumanResult(
        jnd=jnd,
        noisy=noisy,
        level=level,
        seed=options.seed,
        model=options.model,
        quality=quality,
        mean=tuple(float(value) for value in jnd.mean((0, 1), dtype=np.float64)),
        size=picture.size,
        notes=picture.notes,
    )


def write(
    result: HumanResult, stem: str, folder: Path, *, array: bool = False
) -> dict[str, Path | None]:
    """Write the files of one result, all or none. Raises OutputError.

    array: also the thresholds themselves; else they are None in what is returned.
    """
    files = {
        "thresholds": folder / f"{stem}.human.npy" if array else None,
        "map": folder / f"{stem}.human.png",
        "noisy": folder / f"{stem}.noisy.png",
    }
    contents = {
        files["map"]: encode_png(result.jnd_map),
        files["noisy"]: encode_png(result.noisy),
    }
    if array:
        stream = io.BytesIO()
        np.save(stream, result.jnd, allow_pickle=False)
        contents[files["thresholds"]] = stream.getvalue()
    write_files(contents)
    return files


def as_json(result: HumanResult, image: str, files: dict[str, Path | None]) -> dict:
    """The object `--json` prints: size [width, height].

    null: what is infinite, was not wanted, or could not be had.
    """
    quality = result.quality

    def number(value: float | None) -> float | None:
        return None if value is None or not math.isfinite(value) else round(value, 6)

    return {
        "image": image,
        "size": list(result.size),
        "model": result.model,
        "mean_threshold": [round(value, 4) for value in result.mean],
        "level": round(result.level, 6),
        "seed": result.seed,
        "psnr_db": number(quality.psnr_db),
        "ssim": number(quality.ssim),
        "delta_e_mean": number(quality.delta_e_mean),
        "delta_e_p99": number(quality.delta_e_p99),
        "changed_share": number(quality.changed_share),
        "beyond_jnd_share": number(quality.beyond_jnd_share),
        "jod": number(quality.jod),
        "fsim": number(quality.fsim),
        "vif": number(quality.vif),
        "files": {kind: None if path is None else str(path) for kind, path in files.items()},
        "notes": list(result.notes),
    }


def table(result: HumanResult, image: str, files: dict[str, Path | None]) -> str:
    """The readable report of one picture."""
    quality = result.quality
    red, green, blue = result.mean
    decibels = f"{quality.psnr_db:.2f} dB" if math.isfinite(quality.psnr_db) else "no change"
    seen = [
        f"{name} {value:.{digits}f}"
        for name, value, digits in (
            ("SSIM", quality.ssim, 4),
            ("ΔE00", quality.delta_e_mean, 2),
            ("JOD", quality.jod, 2),
            ("FSIM", quality.fsim, 4),
            ("VIF", quality.vif, 4),
        )
        if value is not None
    ]
    return "\n".join(
        [
            image,
            f"  {result.model}: mean threshold R {red:.2f}, G {green:.2f}, B {blue:.2f} levels",
            f"  noise at {result.level:.3g} times the threshold: " + " · ".join([decibels, *seen]),
            *(f"  note: {note}" for note in result.notes),
            f"  map (grey = {MAP_SCALE} × threshold): {files['map']}",
            f"  noise: {files['noisy']}",
            *([f"  thresholds: {files['thresholds']}"] if files["thresholds"] else []),
        ]
    )
