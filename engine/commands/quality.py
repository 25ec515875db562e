"""`python -m engine quality`: every number for a pair of pictures."""

from __future__ import annotations

import sys
from dataclasses import asdict

from ..errors import ImageError, WeightsError
from ..human import thresholds
from ..metrics.quality import PERCEPTUAL, SLOW, Measuring, Quality, steps
from .options import QualityOptions
from .pictures import read
from .progress import progress
from .terminal import json_line


def run(images: list[str], options: QualityOptions) -> int:
    """Print the numbers of (REFERENCE, CHANGED); what is missing, and why, goes to stderr.

    Raises ImageError for a bad picture or two of different sizes, DeviceError.
    """
    reference, changed = (read(path) for path in images)
    if reference.size != changed.size:
        sizes = " and ".join(
            f"{width}×{height}" for width, height in (reference.size, changed.size)
        )
        raise ImageError(f"the pictures are {sizes}: give two of the same size")
    missing = []
    jnd = None
    names = (*SLOW, *PERCEPTUAL) if options.metrics else SLOW
    with progress(1 + len(names)) as show:
        show(0, "looking for the threshold of every pixel")
        try:
            jnd = thresholds(
                reference.pixels, options.model, weights=options.weights, device=options.device
            )
        except WeightsError as error:
            if options.weights is not None:
                raise
            missing.append(f"beyond_jnd_share: {error}")
        for found in steps(
            reference.pixels, changed.pixels, names, jnd=jnd, jnd_model=options.model
        ):
            if isinstance(found, Measuring):
                show(1 + found.done, f"measuring {found.name}")
    for note in (*missing, *found.missing):
        print(f"note: {note}", file=sys.stderr)
    if options.json:
        pair = {"reference": images[0], "changed": images[1]}
        print(json_line(pair | numbers(found)))
    else:
        for name, value in numbers(found).items():
            print(f"{name:<18}{'–' if value is None else value}")
    return 0


def numbers(quality: Quality) -> dict:
    """The numbers as `--json` prints them, rounded; null for what is missing or infinite."""
    values = asdict(quality)
    del values["missing"]
    return {
        name: None
        if value is None or value == float("inf")
        else round(value, 6)
        if isinstance(value, float)
        else value
        for name, value in values.items()
    }
