"""`python -m engine quality REFERENCE CHANGED`: how far two pictures are apart, in numbers."""

from __future__ import annotations

import sys

from ..errors import UsageError, WeightsError
from ..human import thresholds
from ..metrics.quality import PERCEPTUAL, SLOW, steps
from ..models.registry import AUTO
from ..quality.machines import MachineQuality, asked, check_sizes, compared
from ..system.progress import Progress
from ..terminal.inputs import read
from ..terminal.labels import label_lines
from ..terminal.progress import progress
from ..terminal.streams import json_line
from .options import QualityOptions


def run(images: list[str], options: QualityOptions) -> int:
    """Print the numbers of (REFERENCE, CHANGED); what is missing, and why, goes to stderr.

    Raises ImageError for a bad picture or two of different sizes, WeightsError, DeviceError,
    UsageError.
    """
    reference, changed = (read(path) for path in images)
    check_sizes(reference, changed)
    machines = None
    if options.machine:
        panel = asked(
            options.panel or AUTO,
            reference.size,
            labels=options.labels,
            input_range=options.input_range,
            weights=options.weights,
            device=options.device,
        )
        machines = compared(panel, reference.pixels, changed.pixels)
    elif options.panel:
        raise UsageError("--panel names the machines of --machine: give both")
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
        asked_too = {} if machines is None else {"machine": machines.to_dict()}
        print(json_line(pair | quality.to_dict() | asked_too))
    else:
        for name, value in quality.to_dict().items():
            print(f"{name:<18}{'–' if value is None else value}")
        if machines is not None:
            print("\n".join(table(machines)))
    return 0


def table(machines: MachineQuality) -> list[str]:
    """The machines' part of the readable report."""
    kept = sum(label.same for label in machines.labels)
    share = f"{kept} of {len(machines.labels)}"
    return [
        f"{'smr':<18}{machines.smr:.4f}  ({share} machines keep their label)",
        f"{'keep':<18}{machines.keep:.4f}  (the chance that a machine that was not asked does)",
        f"{'drop':<18}{machines.drop:.4f}  (by which its probability is expected to fall)",
        *label_lines(machines.labels),
    ]
