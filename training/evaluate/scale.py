"""What does a hundred million pictures take? `python -m training evaluate scale`.

Seconds of a processor's core per photo for each command, as a process of `--ray` does it: from the
bytes of a JPEG to those of the results. And what Ray adds: the same rows through it with an actor
that does nothing, of which the command's own process, which keeps the manifest, is the narrowest
part. Core-seconds are of the process, not of the clock: they hold on a busy machine as well.

Writes results/scale.json. It is one run: nothing is kept from an earlier one.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from engine.batch.cluster.ray_cluster import LOCAL, check_address, connected, mapped
from engine.batch.cluster.units import TOGETHER
from engine.batch.pool import Job, Worker
from engine.batch.work import Task, opened
from engine.commands import compress, human, machine, watermark
from engine.commands.options import (
    CompressOptions,
    EmbedOptions,
    HumanOptions,
    MachineOptions,
    PictureOptions,
)

from ..data.labelled import load_photos
from ..records.log import log
from ..records.record import write

COUNT = 12  # photos
QUALITY = 90  # of their JPEGs
UNITS = 2000  # rows through Ray
PICTURES = 100_000_000
# Not measured: what a core of a rented machine costs, and how many are rented.
ASSUMED = {"cores": 1000, "dollars_per_core_hour": 0.04}


@dataclass(frozen=True)
class Subject:
    """A command, and the options that it is measured with."""

    words: str
    prepare: Callable
    options: PictureOptions
    opened: Callable = opened


SUBJECTS = (
    Subject("human --model wu2017", human.prepare, HumanOptions(model="wu2017")),
    Subject("human", human.prepare, HumanOptions()),
    Subject("watermark embed", watermark.prepare, EmbedOptions(text="© me")),
    Subject("machine", machine.prepare, MachineOptions()),
    Subject("compress", compress.prepare, CompressOptions(), compress.opened),
)


class Nothing:
    """Does nothing with a unit: what is left is Ray's own work."""

    def __call__(self, batch: dict) -> dict:
        return {"done": [[None] * TOGETHER for _ in batch["unit"]]}


def evaluate_scale(data: str, count: int | None, runs: Path, command: str) -> Path:
    """Measure, write the result. data: photos; count: only so many, a look, in RUNS."""
    photos = load_photos(data, "test", "train").first(count or COUNT)
    files = [jpeg(pixels) for pixels in photos.images]
    rows = []
    for subject in SUBJECTS:
        rows.append(measured(subject, files))
        log(rows[-1])
    passed = through_ray(UNITS if count is None else 20)
    log(passed)
    return write(
        "scale",
        command=command,
        data=f"{photos.source}, as JPEGs of quality {QUALITY}",
        weights={},
        sections={
            "seed": 0,
            "assumed": ASSUMED | {"pictures": PICTURES},
            "megapixels": float(np.mean([each[..., 0].size for each in photos.images])) / 1e6,
            "rows": rows,
            "ray": passed,
        },
        folder=None if count is None else runs,
    )


def jpeg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def measured(subject: Subject, files: list[bytes]) -> dict:
    """A command's core-seconds per photo, and bytes in and out."""
    with tempfile.TemporaryDirectory() as folder:
        options = replace(subject.options, out=Path(folder), device="cpu")
        worker = Worker(Task(partial(subject.prepare, options), subject.opened))
        seconds, written = [], []
        worker.answer(Job(files[0], "warm-up", "warm-up"))  # loads the models
        for number, data in enumerate(files):
            started = time.process_time()
            answer = worker.answer(Job(data, str(number), str(number)))
            seconds.append(time.process_time() - started)
            if answer.error is not None:
                raise answer.error
            written.append(sum(map(len, answer.files.values())))
    return {
        "command": subject.words,
        "core_seconds": float(np.mean(seconds)),
        "core_seconds_std": float(np.std(seconds)),
        "n": len(files),
        "bytes_in": float(np.mean([len(data) for data in files])),
        "bytes_out": float(np.mean(written)),
    }


def through_ray(units: int) -> dict:
    """What so many units cost the process that gives them to Ray, and the clock, after a start."""
    check_address(LOCAL)
    rows = [{"unit": number} for number in range(units)]
    with connected(LOCAL, 2):
        came = mapped(rows, Nothing, (), 2, cuda=False)
        next(came)
        started, used = time.perf_counter(), time.process_time()
        passed = sum(1 for _ in came)
        seconds, used = time.perf_counter() - started, time.process_time() - used
    return {
        "pictures_per_unit": TOGETHER,
        "units": passed,
        "workers": 2,
        "driver_core_seconds": used / passed,
        "seconds": seconds / passed,
    }
