"""`python -m engine quality REFERENCE CHANGED`: how far two pictures are apart, in numbers."""

from __future__ import annotations

import sys

from ..errors import ImageError, WeightsError
from ..human import thresholds
from ..metrics.quality import PERCEPTUAL, SLOW, steps
from ..system.progress import Progress
from ..terminal.inputs import read
from ..terminal.progress import progress
from ..terminal.streams import json_line
from .options import QualityOptions


def run(images: list[str], options: QualityOptions) -> int:
    """Print the numbers of (REFERENCE, CHANGED); what is missing, and why, goes to stderr.

    Raises ImageError for a bad picture or two of different sizes, WeightsError, DeviceError.
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
        show(0, "computing the threshold of every pixel")
        try:
            jnd = thresholds(
                reference.pixels, options.model, weights=options.weights, device=options.device
            )
        except WeightsError as error:
            if options.weights is not None:
                raise
            missing.append(f"beyond_jnd_share: {error}")
        for step in steps(
            reference.pixels, changed.pixels, names, jnd=jnd, jnd_model=options.model
        ):
            if isinstance(step, Progress):
                show(1 + len(names) * step.share, step.doing)
    quality = step
    for note in (*missing, *quality.missing):
        print(f"note: {note}", file=sys.stderr)
    if options.json:
        pair = {"reference": images[0], "changed": images[1]}
        print(json_line(pair | quality.to_dict()))
    else:
        for name, value in quality.to_dict().items():
            print(f"{name:<18}{'–' if value is None else value}")
    return 0
