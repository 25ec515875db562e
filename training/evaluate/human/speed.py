"""Seconds and memory of a human JND on a large photo, in a process of its own.

    python -m training.evaluate.human.speed MODEL PICTURE.npy [--weights DIR]

prints {"seconds", "seconds_again", "peak_mb"}: the first call with loading, the second without,
and the process's largest resident memory (picture and libraries included; so nothing else is
imported here).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LARGE = (3000, 4000)  # rows and columns of the photo for the default model: 12 megapixels
SMALL = (1000, 1000)  # and for the classical ones
KIB_PER_MB = 1000**2 / 1024


def enlarged(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture uint8 H×W×3 repeated by reflection to a size: its own detail, at any size."""
    (height, width), (rows, columns) = pixels.shape[:2], size
    vertical = np.pad(np.arange(height), (0, max(0, rows - height)), mode="symmetric")[:rows]
    across = np.pad(np.arange(width), (0, max(0, columns - width)), mode="symmetric")[:columns]
    return pixels[vertical[:, None], across]


def timed(model: str, pixels: np.ndarray, weights: str | None) -> dict:
    """Measure in a new process, on as many cores as this one has."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.npy"
        np.save(path, pixels)
        command = [sys.executable, "-m", "training.evaluate.human.speed", model, str(path)]
        command += ["--weights", weights] if weights else []
        result = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"megapixels": pixels[..., 0].size / 1e6} | json.loads(result.stdout)


def peak_mb() -> float:
    """This process's largest resident memory so far.

    On Linux it is in /proc; what `getrusage` gives there is never less than the parent's.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM:"))
        return int(line.split()[1]) / KIB_PER_MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MB


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate.human.speed", description=__doc__
    )
    parser.add_argument("model")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--weights")
    options = parser.parse_args(arguments)
    from engine.human import thresholds

    pixels = np.load(options.picture)
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        thresholds(pixels, options.model, weights=options.weights)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds[0], "seconds_again": seconds[1], "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
