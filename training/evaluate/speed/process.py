"""A process's own memory, and pictures of any size. Imports no more than NumPy: memory counts."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np

KIB_PER_MB = 1000**2 / 1024


def peak_mb() -> float:
    """This process's largest resident memory so far.

    On Linux it is in /proc; what `getrusage` gives there is never less than the parent's.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM:"))
        return int(line.split()[1]) / KIB_PER_MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MB


def enlarged(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture uint8 H×W×3 repeated by reflection to a size: its own detail, at any size."""
    (height, width), (rows, columns) = pixels.shape[:2], size
    vertical = np.pad(np.arange(height), (0, max(0, rows - height)), mode="symmetric")[:rows]
    across = np.pad(np.arange(width), (0, max(0, columns - width)), mode="symmetric")[:columns]
    return pixels[vertical[:, None], across]
