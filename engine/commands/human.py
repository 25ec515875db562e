"""`python -m engine human`: thresholds, noise at the thresholds, and numbers of each picture."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..human import HUMAN_MODELS, report
from ..images.picture import Picture
from ..metrics.quality import PERCEPTUAL, SLOW, Measuring, steps
from . import pictures
from .options import HumanOptions
from .progress import progress
from .terminal import json_line


def run(images: list[str], options: HumanOptions) -> int:
    """Each picture's report on stdout, its files in options.out; returns the exit code.

    The files are there before `--metrics` begins, which takes longer than all else. Raises
    UsageError for options that make no sense, WeightsError, DeviceError.
    """
    check(options)

    def prepare():
        announce = pictures.Announced(description(options))

        def work(picture: Picture, image: str, stem: str) -> str:
            with progress() as show:
                show(0, "looking for the threshold of every pixel")
                result = report.measure(picture, options)
                announce()
                show(0.7, "writing the pictures")
                files = report.write(result, stem, options.out, array=options.array)
            if options.metrics:
                result = replace(result, quality=measured(picture, result))
            for note in result.quality.missing:
                print(f"note: {Path(image).name}: {note}", file=sys.stderr, flush=True)
            if options.json:
                return json_line(report.as_json(result, image, files))
            return report.table(result, image, files) + "\n"

        return work

    return pictures.each(images, prepare, options.out, as_json=options.json)


def description(options: HumanOptions) -> str:
    """One line: where the thresholds are computed, and by what."""
    if HUMAN_MODELS[options.model].learned:
        from ..human.learned import load

        return load(options.weights, options.device).description
    return f"{options.model}: {HUMAN_MODELS[options.model].paper}; NumPy"


def measured(picture: Picture, result: report.HumanResult):
    """Every number of the noisy picture, with progress."""
    names = (*SLOW, *PERCEPTUAL)
    whole = steps(picture.pixels, result.noisy, names, jnd=result.jnd, jnd_model=result.model)
    with progress(len(names)) as show:
        for step in whole:
            if isinstance(step, Measuring):
                show(step.done, f"measuring {step.name}")
    return step


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
