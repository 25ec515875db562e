"""`python -m engine human IMAGE…`: threshold map, noise at the threshold, and their numbers."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..batch.run import run as run_batch
from ..batch.work import Report, Save, Task, Work
from ..errors import UsageError
from ..human import HUMAN_MODELS
from ..human.result import MAP_SCALE, HumanResult, measure
from ..images.picture import Picture, encode_png
from ..metrics.quality import PERCEPTUAL, SLOW, Quality, steps
from ..system.progress import Progress
from ..terminal.progress import Announcement, draw, progress
from .options import HumanOptions


def run(images: list[str], options: HumanOptions) -> int:
    """Each picture's report on stdout, its files in options.out; returns the exit code.

    The files are there before `--metrics` begins, which takes longer than all else. Raises
    UsageError for options that make no sense, WeightsError, DeviceError.
    """
    check(options)
    return run_batch(images, Task(partial(prepare, options)), "human", options).code


def prepare(options: HumanOptions) -> Work:
    """The work on each picture. Raises WeightsError, DeviceError."""
    announce = Announcement(description(options))

    def work(picture: Picture, image: str, stem: str, save: Save) -> Report:
        with progress() as show:
            result = noise_at_threshold(picture, options, show)
            announce()
            show(0.7, "writing the pictures")
            files = write(result, stem, options.out, save, array=options.array)
        if options.metrics:
            result = replace(result, quality=all_metrics(picture, result))
        for note in result.quality.missing:
            print(f"note: {Path(image).name}: {note}", file=sys.stderr, flush=True)
        paths = {kind: None if path is None else str(path) for kind, path in files.items()}
        data = {"image": image, **result.to_dict(), "files": paths}
        return Report(data, table(result, image, files) + "\n")

    return work


def description(options: HumanOptions) -> str:
    """One line: where the thresholds are computed, and by what."""
    if HUMAN_MODELS[options.model].learned:
        from ..human.learned import load

        return load(options.weights, options.device).description
    return f"{options.model}: {HUMAN_MODELS[options.model].paper}; NumPy"


def noise_at_threshold(
    picture: Picture, options: HumanOptions, show: Callable[[float, str], None]
) -> HumanResult:
    """Thresholds, noise and the numbers that take no time. show: draws the progress."""
    for step in measure(
        picture,
        options.model,
        level=1.0 if options.level is None else options.level,
        psnr_db=options.psnr,
        seed=options.seed,
        weights=options.weights,
        device=options.device,
    ):
        if isinstance(step, Progress):
            show(0.7 * step.share, step.doing)
    return step


def all_metrics(picture: Picture, result: HumanResult) -> Quality:
    """Every number of the noisy picture, the slow ones too, with progress."""
    names = (*SLOW, *PERCEPTUAL)
    measuring = steps(picture.pixels, result.noisy, names, jnd=result.jnd, jnd_model=result.model)
    return draw(measuring)


def check(options: HumanOptions) -> None:
    """Raise UsageError for a level or a PSNR out of range, or both at once."""
    if options.level is not None and options.psnr is not None:
        raise UsageError("--level and --psnr both set the strength of the noise: give one of them")
    if options.level is not None and not 0 <= options.level <= 1000:
        raise UsageError(f"--level {options.level:g}: give a number from 0 to 1000")
    if options.psnr is not None and not (math.isfinite(options.psnr) and 0 < options.psnr <= 60):
        raise UsageError(f"--psnr {options.psnr:g}: give a number of decibels above 0, at most 60")
    if not 0 <= options.seed < 2**63:
        raise UsageError(f"--seed {options.seed}: give a whole number from 0 to 2^63 - 1")


def write(
    result: HumanResult, stem: str, folder: Path, save: Save, *, array: bool = False
) -> dict[str, Path | None]:
    """Save the files of one result, all or none. Raises OutputError.

    array: the thresholds too; otherwise their path is None. Returns the path of each kind of file.
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
    save(contents)
    return files


def table(result: HumanResult, image: str, files: dict[str, Path | None]) -> str:
    """The readable report of one picture."""
    quality = result.quality
    red, green, blue = result.mean
    decibels = f"{quality.psnr_db:.2f} dB" if math.isfinite(quality.psnr_db) else "no change"
    metrics = [decibels] + [
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
            f"  noise at {result.level:.3g} times the threshold: {' · '.join(metrics)}",
            *(f"  note: {note}" for note in result.notes),
            f"  map (grey = {MAP_SCALE} × threshold): {files['map']}",
            f"  noise: {files['noisy']}",
            *([f"  thresholds: {files['thresholds']}"] if files["thresholds"] else []),
        ]
    )
