"""One runtime of one subject in a process of its own, run whenever its parent asks for it.

    python -m training.evaluate.speed.lane '{"subject": …}' PIXELS.npy

PIXELS: uint8 N×H×W×3. Once it is loaded it prints {"load_s"}; for each line on standard input it
runs once and prints {"ms"}; at the end of the input it prints {"peak_mb", "sample"} and ends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass

import numpy as np

from .process import peak_mb

SAMPLED = 64  # values of each output that are compared between runtimes


@dataclass(frozen=True)
class Lane:
    """What a process runs: a name in `SUBJECTS`, one of its `runtimes`, cpu or cuda."""

    subject: str
    runtime: str
    device: str = "cpu"
    weights: str | None = None  # a folder, as `engine.models.locate` takes it


def sample(outputs: list[np.ndarray]) -> list[list[float]]:
    """Of each output its largest magnitude, and values at equal distances."""
    taken = []
    for output in outputs:
        flat = output.ravel()
        indices = np.linspace(0, flat.size - 1, min(SAMPLED, flat.size)).astype(int)
        taken.append([float(np.abs(flat).max()), *flat[indices].astype(float).tolist()])
    return taken


def main() -> None:
    lane, pixels = Lane(**json.loads(sys.argv[1])), np.load(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def answer(values: dict) -> None:
        print(json.dumps(values), file=answers, flush=True)

    started = time.perf_counter()
    from .subjects import ENGINE, SUBJECTS, engine_work, torch_work

    subject = SUBJECTS[lane.subject]
    if lane.runtime == ENGINE:
        work = engine_work(subject, pixels, lane.weights, lane.device)
    else:
        work = torch_work(subject, lane.runtime, pixels, lane.weights, lane.device)
    answer({"load_s": time.perf_counter() - started})
    outputs: list[np.ndarray] = []
    for _ in sys.stdin:
        outputs.clear()
        started = time.perf_counter()
        outputs = work()
        answer({"ms": 1000 * (time.perf_counter() - started)})
    answer({"peak_mb": peak_mb(), "sample": sample(outputs), "torch": "torch" in sys.modules})


if __name__ == "__main__":
    main()
