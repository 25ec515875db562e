"""The same networks on a GPU, by ONNX Runtime and by PyTorch, in one process.

`python -m training.evaluate.speed.gpu`

A lease of a GPU is short: here all runtimes share a process, so that CUDA starts once, and none is
compiled. Also whole commands of the engine, on the GPU and on the processor beside it. Writes
results/speed_gpu.json after every subject; what does not work there is a row that says why.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from engine.errors import EngineError

from ...data.labelled import load_photos
from ...options import SHARED
from ...records.log import log
from ...records.record import card, write
from .lane import sample
from .process import enlarged
from .run import pictures, slopes_of
from .side_by_side import off, spread
from .subjects import (
    BFLOAT16,
    CHANNELS_LAST,
    EAGER,
    ENGINE,
    SUBJECTS,
    THUMBNAILS,
    Subject,
    Work,
    digests,
    engine_work,
    torch_work,
)

NAME = "speed_gpu"  # of the result
RUNTIMES = (ENGINE, EAGER, CHANNELS_LAST, BFLOAT16)
SIZES = {"cifar10": THUMBNAILS, "photos": ((1, 224), (64, 224), (1, 1024))}
ALONE = ((1, 224), (1, 1024))  # of a human JND: one picture at a time
WARM_UP, ROUNDS, SECONDS = 3, 15, 2.0
PHOTO = (1200, 1600)  # rows and columns of what whole commands are given


def work_of(subject: Subject, runtime: str, pixels: np.ndarray, device: str) -> Work:
    if runtime == ENGINE:
        return engine_work(subject, pixels, None, device)
    return torch_work(subject, runtime, pixels, None, device)


def at_size(subject: Subject, shape: tuple[int, int], photo: np.ndarray, device: str) -> list[dict]:
    """A row of each runtime for (how many, pixels a side), timed in turns."""
    many, side = shape
    pixels = pictures(photo, many, side)
    rows, works = {}, {}
    for runtime in RUNTIMES:
        row = {"subject": subject.name, "runtime": runtime, "device": device}
        rows[runtime] = row | {
            "pictures": many,
            "side": side,
            "megapixels": many * side * side / 1e6,
        }
        try:
            started = time.perf_counter()
            work = work_of(subject, runtime, pixels, device)
            for number in range(WARM_UP):
                outputs = work()
                if number == 0:
                    rows[runtime]["first_ms"] = 1000 * (time.perf_counter() - started)
            works[runtime] = work, sample(outputs)
        except (EngineError, RuntimeError, OSError) as error:
            rows[runtime]["failed"] = str(error).strip().splitlines()[-1][:300]
    for runtime, times in in_turns({name: work for name, (work, _) in works.items()}).items():
        rows[runtime] |= spread(times)
        first = works.get(ENGINE)
        if first:
            rows[runtime]["off"] = off(works[runtime][1], first[1])
            rows[runtime]["engine_is_faster"] = rows[runtime]["ms"] / rows[ENGINE]["ms"]
    return list(rows.values())


def in_turns(works: dict[str, Callable]) -> dict[str, list[float]]:
    """Milliseconds of each, run one after the other in every round."""
    times: dict[str, list[float]] = {name: [] for name in works}
    started = time.monotonic()
    for number in range(ROUNDS):
        if number >= WARM_UP and time.monotonic() - started > SECONDS * len(works):
            break
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            times[name].append(1000 * (time.perf_counter() - begun))
    return times


def whole(photo: np.ndarray, device: str) -> list[dict]:
    """Seconds of functions of the engine on a photo, the second call of each."""
    import engine

    photo = enlarged(photo, PHOTO)
    small = photo[:300, :300]
    calls = {
        "machine_jnd": lambda kind: engine.machine_jnd(photo, device=kind),
        "human_jnd": lambda kind: engine.human_jnd(photo, device=kind),
        "compress_photo, jpeg, search": lambda kind: engine.compress_photo(
            small, format="jpeg", method="search", device=kind
        ),
    }
    rows = []
    for name, call in calls.items():
        for kind in (device, "cpu"):
            row = {"function": name, "device": kind}
            try:
                call(kind)
                begun = time.perf_counter()
                call(kind)
                row["seconds"] = time.perf_counter() - begun
            except (EngineError, RuntimeError) as error:
                row["failed"] = str(error).strip().splitlines()[-1][:300]
            log(row)
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate.speed.gpu", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", default=f"{SHARED}/data/kodak", help="photos")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="default: cuda")
    parser.add_argument("--out", type=Path, help="another folder than training/results")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch finds no GPU here: --device cpu tries it out, with --out FOLDER")
    photos = load_photos(given.data, "test", "train")
    photo = photos.images[0]
    rows, slopes, functions = [], [], []

    def written() -> Path:
        return write(
            NAME,
            command=f"python -m training.evaluate.speed.gpu --data {Path(given.data).name}",
            data=f"the first of {photos.source}, repeated by reflection",
            weights=digests(None),
            sections={
                "machine": card(),
                "seed": 0,
                "rows": rows,
                "slopes": slopes,
                "functions": functions,
            },
            folder=given.out,
        )

    for subject in (each for each in SUBJECTS.values() if each.models):
        measured = []
        for shape in SIZES.get(subject.panel, ALONE):
            measured += at_size(subject, shape, photo, given.device)
            for row in measured[-len(RUNTIMES) :]:
                log(row)
        rows += measured
        slopes += slopes_of([row for row in measured if row["pictures"] == 1])
        written()
    functions += whole(photo, given.device)
    print(written())


if __name__ == "__main__":
    main()
