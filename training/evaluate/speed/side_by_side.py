"""Several runtimes of one subject, timed in turns, each in a process of its own.

All processes are there at once and one of them works at a time: a machine that grows slower is
slower for all of them, and the peak memory of each is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from .lane import Lane

REST = 0.02  # seconds between two runs: threads of the last one go to sleep
SLOW = 5000  # ms: a first run that is as slow is warm-up enough
LEAST = 3  # rounds, however long they take


class LaneError(Exception):
    """A runtime that does not work here; the last line it wrote."""


@dataclass(frozen=True)
class Effort:
    """At most so many rounds after the warm-up, and no further one after so many seconds.

    jobs: how often a command is run from start to end.
    """

    rounds: int = 9
    seconds: float = 8.0
    jobs: int = 3


class Running:
    """A lane's process, loaded. Raises LaneError where it does not get that far."""

    def __init__(self, lane: Lane, pixels: Path):
        self.lane, self.milliseconds = lane, []
        self._errors = pixels.parent / f"{lane.runtime}.log"
        command = [sys.executable, "-m", "training.evaluate.speed.lane"]
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [*command, json.dumps(asdict(lane)), str(pixels)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            self.load_s: float = self._answer()["load_s"]
        except BaseException:
            self.stop()
            raise

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        lines = self._errors.read_text().strip().splitlines() or [f"it ended with code {code}"]
        raise LaneError(lines[-1])

    def run(self) -> float:
        """Milliseconds of one run."""
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # _answer says why
        return self._answer()["ms"]

    def finish(self) -> dict:
        """End it: {"peak_mb", "sample", "torch"}, as `training.evaluate.speed.lane` prints them."""
        self._process.stdin.close()
        answer = self._answer()
        self._process.wait()
        return answer

    def stop(self) -> None:
        """End it at once, whatever it does; nothing where it has ended."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()


def side_by_side(
    lanes: Sequence[Lane], optional: set[str], pixels: np.ndarray, effort: Effort
) -> list[dict]:
    """One row for each lane, the first is what the outputs of the others are compared with.

    optional: runtimes that may fail, which is reported as "failed": why; any other raises
    LaneError. pixels: uint8 N×H×W×3. "off" is the largest difference of an output from the
    first lane's, as a share of its largest magnitude, over a sample of values. "device_mb": memory
    taken on the GPU.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "pixels.npy"
        np.save(path, pixels)
        running: list[Running] = []
        rows = {}
        for lane in lanes:
            before = free_mb(lane.device)
            try:
                each = Running(lane, path)
                stack.callback(each.stop)
                first = each.run()
                if first < SLOW:
                    each.run()
            except LaneError as error:
                if lane.runtime not in optional:
                    raise LaneError(f"{lane.subject}, {lane.runtime}: {error}") from None
                rows[lane] = {"failed": str(error)}
                continue
            running.append(each)
            rows[lane] = {"load_s": each.load_s, "first_ms": first}
            if before is not None:
                rows[lane]["device_mb"] = before - free_mb(lane.device)
        started = time.monotonic()
        for number in range(effort.rounds):
            if number >= LEAST and time.monotonic() - started > effort.seconds:
                break
            for each in running if number % 2 == 0 else reversed(running):
                time.sleep(REST)
                each.milliseconds.append(each.run())
        ended = [each.finish() for each in running]
        for each, end in zip(running, ended, strict=True):
            rows[each.lane] |= spread(each.milliseconds) | {"peak_mb": end["peak_mb"]}
            rows[each.lane]["off"] = off(end["sample"], ended[0]["sample"])
    return [rows[lane] for lane in lanes]


def timed(lane: Lane, pixels: np.ndarray) -> dict:
    """{"seconds", "seconds_again", "peak_mb"} of a human JND by the engine.

    Its model is loaded by the first call, not by the second.

    pixels: uint8 N×H×W×3. The memory is the whole process's, libraries and picture too.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "pixels.npy"
        np.save(path, pixels)
        running = Running(lane, path)
        stack.callback(running.stop)
        first, again = running.run(), running.run()
        return {
            "seconds": first / 1000,
            "seconds_again": again / 1000,
            "peak_mb": running.finish()["peak_mb"],
        }


def spread(milliseconds: list[float]) -> dict:
    """Median, extremes and how many."""
    times = np.array(milliseconds)
    return {
        "ms": float(np.median(times)),
        "ms_min": float(times.min()),
        "ms_max": float(times.max()),
        "n": len(times),
    }


def off(found: list[list[float]], reference: list[list[float]]) -> float:
    """The largest difference of samples, as a share of their output's largest magnitude."""
    pairs = [(np.array(a), np.array(b)) for a, b in zip(found, reference, strict=True)]
    return max(float(np.abs(a - b).max() / max(b[0], 1e-12)) for a, b in pairs)


def free_mb(device: str) -> float | None:
    """Free memory of the GPU; None for a processor."""
    return torch.cuda.mem_get_info()[0] / 1e6 if device == "cuda" else None
