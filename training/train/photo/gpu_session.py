"""One session on a GPU: its tests, speed, the training of the photo generator.

`python -m training.train.photo.gpu_session --data FOLDER --panel FILE`

Each part is on its own: what fails is reported, and the next begins. A part's lines are printed
and its files (`speed.json`, `photo-generator.safetensors` and `.json`) written as they come, so
that a session which is stopped from outside keeps what it has; a training that was stopped goes
on when the same command is given again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from engine.models.locate import locate
from engine.networks.hvs import AttentionBranch, HvsSd, JndNetwork
from engine.networks.photo.generator import PhotoGenerator
from engine.networks.photo.panel import load_photo_panel
from engine.networks.stored import fill

from ...records.record import card, write_json
from . import generator as photo_generator
from .objective import predict
from .preset import from_options

TESTS = ("tests/test_search.py", "tests/test_precision.py")
PARTS = ("tests", "speed", "photos")
SEARCH_RATE = 0.02


def milliseconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median wall-clock time of `work` after two warm-ups, the device's queue emptied each time."""

    def waited() -> float:
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - started)

    for _ in range(2):
        waited()
    return statistics.median(waited() for _ in range(repeats))


def search_step(panel: torch.nn.ModuleDict, x: torch.Tensor, half: torch.autocast) -> Callable:
    """One gradient step of a search on photos x N×3×H×W in 0…1, as a function to be timed."""
    free = (0.01 * torch.randn_like(x)).requires_grad_()
    optimizer = torch.optim.Adam([free], lr=SEARCH_RATE)
    with half:
        labels = predict(panel, x).labels

    def step() -> None:
        distorted = (x + free).clamp(0, 1)
        with half:
            logits = torch.stack([member(distorted) for member in panel.values()], 1).float()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        loss = loss - 0.3 * (distorted - x).abs().mean().log()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def speeds(panel_file: Path, devices: list[str], quick: bool) -> Iterator[dict]:
    """Milliseconds of panel, generator, human JND and one search step; eager PyTorch.

    quick: two repeats of a single picture.
    """
    for kind in devices:
        device = torch.device(kind)
        panel = load_photo_panel(panel_file).to(device, memory_format=torch.channels_last)
        generator = PhotoGenerator(len(panel)).to(device, memory_format=torch.channels_last).eval()
        human = fill(HvsSd(AttentionBranch(), JndNetwork()), locate("hvs-sd").path).to(device)
        repeats = 2 if quick or kind == "cpu" else 10
        for count in (1,) if kind == "cpu" or quick else (1, 64, 256):
            for halved in (False, True) if kind == "cuda" else (False,):
                half = torch.autocast(kind, torch.bfloat16, halved)
                x = torch.rand(count, 3, 224, 224, device=device)
                x = x.contiguous(memory_format=torch.channels_last)
                with torch.no_grad(), half:
                    clean = predict(panel, x)
                    conditions = (
                        torch.ones(count, device=device),
                        torch.zeros(count, device=device),
                    )
                    inputs = (2 * x - 1, clean.evidence, clean.confidence, *conditions)
                    work = {
                        "panel": lambda x=x, panel=panel: predict(panel, x),
                        "generator": lambda inputs=inputs, generator=generator: generator(*inputs),
                        "human": lambda x=x, human=human: human(x),
                    }
                    row = {name: milliseconds(run, device, repeats) for name, run in work.items()}
                row["search step"] = milliseconds(search_step(panel, x, half), device, repeats)
                yield (
                    {"device": kind, "bfloat16": halved, "pictures": count, "size": 224}
                    | {name: round(value, 3) for name, value in row.items()}
                )


def run_tests() -> None:
    """The tests that need a GPU; their last line is printed, and their output where they fail."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", *TESTS]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        print(result.stdout[-3000:], result.stderr[-1000:], file=sys.stderr)
    print(*result.stdout.strip().splitlines()[-1:], flush=True)


def measure_speed(panel_file: Path, out: Path, quick: bool) -> None:
    rows = []
    for row in speeds(panel_file, ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"], quick):
        print(json.dumps(row), flush=True)
        rows.append(row)
        write_json(out / "speed.json", {"machine": card(), "rows": rows})


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.train.photo.gpu_session", description=__doc__.splitlines()[0]
    )
    photo_generator.training_options(parser)
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="default: runs/gpu")
    parser.add_argument("--parts", default=",".join(PARTS), help="default: all, joined by commas")
    given = parser.parse_args()
    names = given.parts.split(",")
    if not set(names) <= set(PARTS):
        parser.error(f"--parts takes {', '.join(PARTS)}, not {given.parts}")
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = False  # what is measured is measured in single precision
    print(json.dumps(card()), flush=True)
    work = {
        "tests": run_tests,
        "speed": lambda: measure_speed(given.panel, given.out, given.count is not None),
        "photos": lambda: photo_generator.run(
            given.data,
            given.panel,
            given.out,
            from_options(given),
            minutes=given.minutes,
            begins=given.begins,
            count=given.count,
        ),
    }
    failed = 0
    for name in names:
        started = time.monotonic()
        try:
            work[name]()
            ended = "done"
        except Exception:
            failed += 1
            traceback.print_exc()
            ended = "failed, see stderr"
        print(f"{name}: {ended}, {time.monotonic() - started:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
