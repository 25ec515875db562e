"""A command of the engine in a process of its own: wall-clock seconds and memory.

    python -m training.evaluate.speed.job machine photo.jpg --out FOLDER

is `python -m engine` with the same arguments; its last line on standard error is {"peak_mb",
"torch"}: its memory, and whether it imported PyTorch.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from .process import peak_mb

COMMANDS = ("machine", "human")
QUALITY = 95  # of the photo's JPEG


def timed_job(command: str, pixels: np.ndarray, repeats: int, weights: str | None) -> dict:
    """Seconds, from start to end of the process, and peak memory of one photo on the processor.

    pixels: uint8 H×W×3, given as a JPEG file. Raises RuntimeError where the command fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        Image.fromarray(pixels).save(photo, quality=QUALITY)
        given = [command, str(photo), "--out", folder, "--device", "cpu", "--json"]
        given += ["--weights", weights] if weights else []
        seconds, ends = [], []
        for _ in range(repeats):
            started = time.perf_counter()
            result = subprocess.run(
                [sys.executable, "-m", "training.evaluate.speed.job", *given],
                capture_output=True,
                text=True,
                check=False,
            )
            seconds.append(time.perf_counter() - started)
            if result.returncode:
                raise RuntimeError(f"{command}: {result.stderr.strip()}")
            ends.append(json.loads(result.stderr.strip().splitlines()[-1]))
    return {
        "command": command,
        "megapixels": pixels[..., 0].size / 1e6,
        "seconds": float(np.median(seconds)),
        "seconds_min": min(seconds),
        "seconds_max": max(seconds),
        "n": repeats,
        "peak_mb": max(end["peak_mb"] for end in ends),
        "torch": any(end["torch"] for end in ends),
    }


def main() -> int:
    from engine.commands.cli import main as engine

    code = engine(sys.argv[1:])
    print(json.dumps({"peak_mb": peak_mb(), "torch": "torch" in sys.modules}), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
