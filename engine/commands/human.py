"""`python -m engine human`: thresholds, noise at the thresholds, and numbers of each picture."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from ..errors import UsageError
from ..human import HUMAN_MODELS, report
from ..options import HumanOptions
from . import pictures


def run(images: list[str], options: HumanOptions) -> int:
    """Each picture's report on stdout, its files in options.out; returns the exit code.

    Raises UsageError for options that make no sense, WeightsError, DeviceError.
    """
    check(options)
    if HUMAN_MODELS[options.model].learned:
        from ..human.learned import load

        print(load(options.weights, options.device).description, file=sys.stderr)
    else:
        print(f"{options.model}: {HUMAN_MODELS[options.model].paper}; NumPy", file=sys.stderr)

    def work(image: str, stem: str) -> str:
        result = report.measure(image, options)
        files = report.write(result, stem, options.out)
        for note in result.quality.missing:
            print(f"note: {Path(image).name}: {note}", file=sys.stderr, flush=True)
        if options.json:
            return json.dumps(report.as_json(result, image, files), ensure_ascii=False)
        return report.table(result, image, files) + "\n"

    return pictures.each(images, work, options.out, as_json=options.json)


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
