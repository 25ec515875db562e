"""One session on a lent GPU, from top to bottom: tests, speed, the photo generator, CIFAR-10.

`python -m training.gpu_session --data FOLDER --panel FILE --out FOLDER --minutes 7`

Each part is on its own: what fails is reported and the next begins. Results are written as they
come: `speed.json`, `photo-generator.safetensors` and `.json`, `generator-NAME.safetensors` and
`cifar10.json`. A short table comes last.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from engine.hvs import AttentionBranch, HvsSd, JndNetwork
from engine.models import locate
from engine.photo_generator import PhotoGenerator
from engine.photo_panel import load_photo_panel
from engine.stored import fill

from . import photo_generator
from .data import load
from .photo_objective import PhotoPreset, look
from .photo_pictures import Pictures

TESTS = ("tests/test_search.py", "tests/test_precision.py")
PARTS = ("tests", "speed", "photos", "cifar10")
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
        labels = look(panel, x).labels

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


def speeds(panel_file: Path, devices: list[str], quick: bool) -> list[dict]:
    """Milliseconds of panel, generator, human JND and one search step; eager PyTorch."""
    rows = []
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
                    clean = look(panel, x)
                    told = (torch.ones(count, device=device), torch.zeros(count, device=device))
                    seen = (2 * x - 1, clean.evidence, clean.confidence, *told)
                    work = {
                        "panel": lambda x=x, panel=panel: look(panel, x),
                        "generator": lambda seen=seen, generator=generator: generator(*seen),
                        "human": lambda x=x, human=human: human(x),
                    }
                    row = {name: milliseconds(run, device, repeats) for name, run in work.items()}
                row["search step"] = milliseconds(search_step(panel, x, half), device, repeats)
                rows.append(
                    {"device": kind, "bfloat16": halved, "pictures": count, "size": 224}
                    | {name: round(value, 3) for name, value in row.items()}
                )
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def machine() -> dict:
    """What all of it ran on."""
    cuda = torch.cuda.is_available()
    return {
        "card": torch.cuda.get_device_name() if cuda else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "cores": torch.get_num_threads(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the photo sets")
    parser.add_argument("--panel", type=Path, required=True, help="the photo panel's file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5, help="of the photo generator")
    parser.add_argument("--cifar-minutes", type=float, default=1, help="of each CIFAR-10 generator")
    parser.add_argument("--cifar", default="merged", help="which, joined by commas")
    parser.add_argument("--parts", default=",".join(PARTS), help="joined by commas")
    parser.add_argument("--batch", type=int, default=PhotoPreset.batch)
    parser.add_argument("--begins", type=Path, help="photo generator to go on from")
    parser.add_argument("--wanted", type=float, default=PhotoPreset.wanted)
    parser.add_argument("--ramp", type=float, default=PhotoPreset.ramp)
    parser.add_argument("--rate", type=float, default=PhotoPreset.learning_rate)
    parser.add_argument("--count", type=int, help="at most so many photos of each set: a trial")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = False  # what is measured is measured in single precision
    began = time.monotonic()
    lines = [json.dumps(machine())]

    def write(name: str, found: object) -> None:
        (given.out / name).write_text(json.dumps({"machine": machine(), "found": found}, indent=1))

    def tests() -> None:
        command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"]
        result = subprocess.run([*command, *TESTS], capture_output=True, text=True, check=False)
        lines.append("tests: " + result.stdout.strip().splitlines()[-1])
        if result.returncode:
            print(result.stdout[-3000:], result.stderr[-1000:], file=sys.stderr)

    def speed() -> None:
        rows = speeds(
            given.panel,
            ["cuda", "cpu"] if device.type == "cuda" else ["cpu"],
            given.count is not None,
        )
        write("speed.json", rows)
        lines.extend(json.dumps(row) for row in rows)

    def photos() -> None:
        panel = load_photo_panel(given.panel).to(device, memory_format=torch.channels_last)
        folders = [given.data / name for name in photo_generator.SOURCES]
        pictures = Pictures([f for f in folders if f.is_dir()], device, given.count)
        preset = PhotoPreset(
            batch=given.batch, wanted=given.wanted, ramp=given.ramp, learning_rate=given.rate
        )
        training, probe = photo_generator.train(
            pictures,
            panel,
            preset,
            device,
            given.out,
            seconds=60 * given.minutes,
            begins=given.begins,
        )
        strengths = (1.0,) if given.count else photo_generator.STRENGTHS
        rows = probe.whole(photo_generator.halved(training), strengths)
        write(
            "photo-generator.json", training.note() | {"held_out": rows, "n_train": len(pictures)}
        )
        lines.append(
            f"{training.steps} steps of {preset.batch}, {training.skipped} left out, "
            f"{len(pictures)} photos, {training.seconds:.0f} s"
        )
        lines.append(photo_generator.table(rows))

    def cifar10() -> None:
        from .device_generator import LONG, train_long

        train = load(str(given.data / "cifar10"), "train").first(given.count)
        test = load(str(given.data / "cifar10"), "test").first(2000).first(given.count)
        notes = []
        for name in given.cifar.split(","):
            notes.append(
                train_long(
                    name,
                    LONG[name],
                    train,
                    test,
                    given.out / "runs",
                    given.out,
                    device,
                    60 * given.cifar_minutes,
                )
            )
            write("cifar10.json", notes)
            for split in ("train", "test"):
                lines.append(
                    f"cifar10 {name}, {notes[-1]['epochs']} epochs, {split}: "
                    f"RCA {notes[-1][split]['rca']:.2%} at "
                    f"{notes[-1][split]['psnr_db']:.2f} dB"
                )

    failed = 0
    work = {"tests": tests, "speed": speed, "photos": photos, "cifar10": cifar10}
    for name in given.parts.split(","):
        started = time.monotonic()
        try:
            work[name]()
        except Exception:
            failed += 1
            traceback.print_exc()
            lines.append(f"{name}: failed, see above")
        lines.append(f"{name}: {time.monotonic() - started:.0f} s")
    print("\n".join(lines))
    print(f"{time.monotonic() - began:.0f} s in all")
    return failed


if __name__ == "__main__":
    sys.exit(main())
