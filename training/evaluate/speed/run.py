"""How fast is what ships, and is it worth exporting? `python -m training evaluate speed`.

Panels, generators and the learned human JND as the engine runs them (ONNX Runtime) and as PyTorch
does, eager, in its channels-last layout, in bfloat16 where the processor has units for it, and
compiled; the classical human JNDs in NumPy and SciPy. Milliseconds per call at several sizes, and
peak memory, on the processor and on a GPU where both runtimes have one. All runtimes of a row are
timed in turns (`.side_by_side`), so a machine that is busier for a while is so for all of them.

Also the commands `machine` and `human` from start to end, on photos up to 12 megapixels.

Writes results/speed.json. It is one run: nothing is kept from an earlier one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from engine.networks.device import has_bfloat16
from engine.system.threads import threads

from ...data.labelled import load_photos
from ...records.log import log
from ...records.record import card, write
from .job import COMMANDS, timed_job
from .lane import Lane
from .process import enlarged
from .side_by_side import Effort, side_by_side
from .subjects import (
    BFLOAT16,
    CHANNELS_LAST,
    COMPILED,
    EAGER,
    ENGINE,
    SUBJECTS,
    WHOLE,
    Subject,
    digests,
    runtimes,
)

# Smallest and largest number of pixels at which a runtime is timed; ENGINE and EAGER at others too.
PIXELS = {
    EAGER: (0, 4.3e6),
    CHANNELS_LAST: (4e4, 1.1e6),
    BFLOAT16: (4e4, 1.1e6),
    WHOLE: (4e4, 1.1e6),
    COMPILED: (4e4, 6e4),  # each shape takes half a minute to a minute to compile
}
JOBS = ((480, 640), (1500, 2000), (3000, 4000))  # rows and columns of the photos
FITTED = 1e4  # pixels: from here on, time should be linear in pixels
TARGET = 3  # times as fast as eager PyTorch, on the processor


def evaluate_speed(
    data: str,
    weights: Path | None,
    count: int | None,
    runs: Path,
    command: str,
    only: str | None = None,
    effort: Effort | None = None,
) -> Path:
    """Time everything, write the result.

    data: photos, of which the first is enlarged and cut to each size. count: only so many sizes
    of each, the smallest; only: what has this in its name; with either of them the result goes to
    RUNS/speed. Raises DataError without photos.
    """
    photos = load_photos(data, "test", "train")
    photo, folder = photos.images[0], str(weights) if weights else None
    effort = effort or Effort()
    rows, slopes = [], []
    for device in devices():
        for subject in SUBJECTS.values():
            if (only and only not in subject.name) or (device == "cuda" and not subject.models):
                continue
            measured = [
                row
                for shape in subject.pictures[:count]
                for row in at_size(subject, shape, device, photo, folder, effort)
            ]
            rows += measured
            slopes += slopes_of(measured)
    jobs = []
    for size in JOBS[:count]:
        for name in COMMANDS:
            if not only or only in name:
                jobs.append(timed_job(name, enlarged(photo, size), effort.jobs, folder))
                log(jobs[-1])
    looked = count is not None or only is not None
    if looked:
        (runs / "speed").mkdir(parents=True, exist_ok=True)
    return write(
        "speed",
        command=command,
        data=f"the first of {photos.source}, repeated by reflection",
        weights=digests(folder),
        sections={
            "seed": 0,
            "threads": threads(),
            "bfloat16_units": has_bfloat16("cpu"),
            "gpu": card()["card"],
            "cuda": card()["cuda"],
            "target": target(rows),
            "rows": rows,
            "slopes": slopes,
            "jobs": jobs,
        },
        folder=runs / "speed" if looked else None,
    )


def devices() -> tuple[str, ...]:
    """cpu, and cuda where ONNX Runtime and PyTorch both have it."""
    from engine.errors import DeviceError
    from engine.models.session import open_session

    if not torch.cuda.is_available():
        return ("cpu",)
    try:
        open_session(SUBJECTS["photo generator"].models[0], weights=None, device="cuda")
    except DeviceError as error:
        log(f"no rows of the GPU: {error}")
        return ("cpu",)
    return ("cpu", "cuda")


def at_size(
    subject: Subject,
    shape: tuple[int, int],
    device: str,
    photo: np.ndarray,
    weights: str | None,
    effort: Effort,
) -> list[dict]:
    """A row for each runtime of pictures of one shape, (how many, pixels a side)."""
    many, side = shape
    pixels = pictures(photo, many, side)
    number = many * side * side
    names = [
        name
        for name in runtimes(subject)
        if name == ENGINE or PIXELS[name][0] <= number <= PIXELS[name][1]
    ]
    if not has_bfloat16(device):
        names = [name for name in names if name != BFLOAT16]
    lanes = [Lane(subject.name, name, device, weights) for name in names]
    timings = side_by_side(lanes, {COMPILED, BFLOAT16}, pixels, effort)
    rows = []
    for name, timing in zip(names, timings, strict=True):
        row = {"subject": subject.name, "runtime": name, "device": device}
        row |= {"pictures": many, "side": side, "megapixels": number / 1e6} | timing
        if "ms" in row:
            row["engine_is_faster"] = row["ms"] / timings[0]["ms"]
        rows.append(row)
        log(row)
    return rows


def pictures(photo: np.ndarray, many: int, side: int) -> np.ndarray:
    """Squares of a photo, one beside the other from its corner: uint8 N×side×side×3."""
    across = int(np.ceil(np.sqrt(many)))
    whole = enlarged(photo, (across * side, across * side))
    squares = whole.reshape(across, side, across, side, 3).swapaxes(1, 2)
    return np.ascontiguousarray(squares.reshape(-1, side, side, 3)[:many])


def slopes_of(rows: list[dict]) -> list[dict]:
    """log ms against log megapixels, least squares, of each runtime with three sizes or more.

    1 is linear in pixels; only rows of `FITTED` pixels or more.
    """
    slopes = []
    for runtime in dict.fromkeys(row["runtime"] for row in rows):
        own = [
            row
            for row in rows
            if row["runtime"] == runtime and "ms" in row and row["megapixels"] * 1e6 >= FITTED
        ]
        if len(own) < 3:
            continue
        x, y = (np.log([row[key] for row in own]) for key in ("megapixels", "ms"))
        slope, _ = np.polyfit(x, y, 1)
        slopes.append(
            {
                "subject": own[0]["subject"],
                "runtime": runtime,
                "device": own[0]["device"],
                "slope": float(slope),
                "megapixels": [own[0]["megapixels"], own[-1]["megapixels"]],
                "n": len(own),
            }
        )
    return slopes


def target(rows: list[dict]) -> dict:
    """In how many rows the engine is `TARGET` times as fast as eager PyTorch, on the processor."""
    ratios = [
        row["engine_is_faster"]
        for row in rows
        if row["runtime"] == EAGER and row["device"] == "cpu" and "ms" in row
    ]
    return {
        "times": TARGET,
        "reached": sum(ratio >= TARGET for ratio in ratios),
        "n": len(ratios),
        "least": min(ratios, default=None),
        "median": float(np.median(ratios)) if ratios else None,
    }
