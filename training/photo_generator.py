"""Train the photo generator against the frozen photo panel, within a given time.

`python -m training.photo_generator --data FOLDER --panel FILE --out FOLDER --minutes 5`

The panel's looks at each batch are made anew, for the batch shows random parts of the photos. The
schedules (warm-up and cosine of the learning rate, rise of the magnitude) go by the share of the
time that has passed, so that a training ends itself on any machine; what is kept at the end, and
now and then before, is an exponential average of the weights in half precision, and the history.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn
from torch.optim import swa_utils

from engine.photo_generator import PhotoGenerator
from engine.photo_panel import load_photo_panel

from . import checkpoint
from .photo_objective import VALUES, PhotoPreset, step_loss
from .photo_pictures import Pictures
from .photo_probe import STRENGTHS, Probe

SOURCES = ("photos240", "imagenette224", "bsds500")
FILE = "photo-generator.safetensors"
LOGGED = 50  # steps between rows of the history
WARM = 0.03  # share of the time in which the learning rate rises
LOGGED_ON_CPU = 10
PATIENCE = 20  # steps in a row that may be left out because a gradient is not finite


def rate(preset: PhotoPreset, done: float) -> float:
    """The learning rate after this share of the training."""
    if done < WARM:
        return preset.learning_rate * (0.05 + 0.95 * done / WARM)
    return preset.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, done))))


def ramp(preset: PhotoPreset, done: float) -> float:
    """Factor on the wanted magnitude: small changes come first."""
    return min(1.0, 0.2 + 0.8 * done / preset.ramp) if preset.ramp else 1.0


class PhotoTraining:
    """A generator, its average, the optimiser and the history; saved and resumed as one file."""

    def __init__(self, preset: PhotoPreset, members: int, device: torch.device):
        torch.manual_seed(preset.seed)
        self.preset, self.device = preset, device
        self.network = PhotoGenerator(members).to(device, memory_format=torch.channels_last)
        self.average = swa_utils.AveragedModel(
            self.network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(preset.average)
        )
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim == 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
            preset.learning_rate,
            weight_decay=preset.weight_decay,
        )
        self.random = torch.Generator(device).manual_seed(preset.seed)
        self.steps, self.seconds, self.skipped, self.in_a_row = 0, 0.0, 0, 0
        self.holding, self.restraint = 1.0, 1.0  # labels kept lately; factor on the magnitude
        self.history: list[dict] = []
        self.probes: list[dict] = []

    def step(self, panel: nn.ModuleDict, x: torch.Tensor, done: float) -> torch.Tensor:
        """One step after this share of the training; returns the values named in VALUES."""
        half = torch.autocast(self.device.type, torch.bfloat16, self.device.type == "cuda")
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.preset, done)
        loss, values = step_loss(
            self.network, panel, x, self.preset, self.random, self.rise(done), half
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.preset.norm)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.average.update_parameters(self.network)
            self.in_a_row = 0
        else:
            self.skipped, self.in_a_row = self.skipped + 1, self.in_a_row + 1
            if self.in_a_row > PATIENCE:  # lost: go on from the average
                self.network.load_state_dict(self.average.module.state_dict())
                self.optimizer.state.clear()
                self.in_a_row = 0
        self.steps += 1
        self.holding = 0.98 * self.holding + 0.02 * values[VALUES.index("rca")].nan_to_num(1).item()
        return values

    def rise(self, done: float) -> float:
        """The ramp, held back while too many labels are lost: with them goes the gradient."""
        self.restraint *= 1.005 if self.holding > self.preset.held else 0.995
        self.restraint = min(1.0, max(self.preset.least, self.restraint))
        return self.restraint * ramp(self.preset, done)

    def note(self) -> dict:
        return {
            "preset": asdict(self.preset),
            "steps": self.steps,
            "pictures": self.steps * self.preset.batch,
            "seconds": round(self.seconds, 1),
            "skipped": self.skipped,
            "history": self.history,
            "probes": self.probes,
        }

    def save(self, path: Path) -> None:
        """The averaged weights in half precision, and the note."""
        state = self.average.module.state_dict()
        checkpoint.save(path, {name: value.half() for name, value in state.items()}, self.note())

    def begin_from(self, path: Path) -> None:
        """Go on from the averaged weights of an earlier training."""
        tensors, _ = checkpoint.load(path)
        self.network.load_state_dict({name: value.float() for name, value in tensors.items()})
        self.average.module.load_state_dict(self.network.state_dict())


def halved(training: PhotoTraining) -> PhotoGenerator:
    """The averaged network as it is kept: its weights rounded to half precision."""
    network = PhotoGenerator(training.network.members).to(
        training.device, memory_format=torch.channels_last
    )
    state = training.average.module.state_dict()
    network.load_state_dict({name: value.half().float() for name, value in state.items()})
    return network.eval()


def train(
    pictures: Pictures,
    panel: nn.ModuleDict,
    preset: PhotoPreset,
    device: torch.device,
    out: Path,
    *,
    seconds: float,
    steps: int | None = None,
    begins: Path | None = None,
    probe_every: float = 60.0,
    size: int | None = None,
) -> tuple[PhotoTraining, Probe]:
    """Train for `seconds` (or `steps`, where given); leaves FILE in `out`.

    begins: an earlier FILE to go on from; probe_every: seconds between two looks at the held-out
    photos; size: pixels a side of training pictures, by default the panel's.
    """
    training = PhotoTraining(preset, len(panel), device)
    if begins is not None:
        training.begin_from(begins)
    probe = Probe(panel, torch.from_numpy(pictures.held_out), device)
    started = looked = time.monotonic()
    rows: list[torch.Tensor] = []
    extra = {} if size is None else {"size": size}
    while True:
        passed = time.monotonic() - started
        done = passed / seconds if steps is None else training.steps / steps
        if done >= 1:
            break
        x = pictures.batch(preset.batch, training.random, **extra)
        rows.append(training.step(panel, x, done))
        if len(rows) == (LOGGED if device.type == "cuda" else LOGGED_ON_CPU):
            training.seconds = time.monotonic() - started
            values = torch.stack(rows).nanmean(0).tolist()
            row = {name: round(value, 4) for name, value in zip(VALUES, values, strict=True)}
            rate_now = training.steps * preset.batch / training.seconds
            row = {"step": training.steps, "per_second": round(rate_now), **row}
            row["rise"] = round(training.rise(done), 3)
            training.history.append(row)
            rows = []
            print(json.dumps(row), file=sys.stderr, flush=True)
        if time.monotonic() - looked > probe_every:
            found = {"step": training.steps, **probe.brief(training.average.module.eval())}
            training.probes.append(found)
            for mode in ("labels", "confidence"):
                print(training.steps, mode, summary(found[mode]), file=sys.stderr, flush=True)
            training.save(out / FILE)
            looked = time.monotonic()
    training.seconds = time.monotonic() - started
    training.save(out / FILE)
    return training, probe


def summary(found: dict) -> str:
    return (
        f"RCA {found['rca']:.1%} at {found['psnr_db']:.2f} dB, confidence "
        f"{found['confidence_before']:.2f} -> {found['confidence_after']:.2f}, within .1 "
        f"{found['confidence_within_0.1']:.0%}"
    )


def table(rows: list[dict]) -> str:
    lines = [
        "mode       strength  RCA    all    PSNR   noise  worst k/9  conf after  within .1  up"
    ]
    for row in rows:
        worst = min(row["ninths_rca"].values())
        lines.append(
            f"{row['mode']:10} {row['strength']:8.2f} {row['rca']:6.1%} {row['all_members']:6.1%} "
            f"{row['psnr_db']:6.2f} {row['white_noise_rca']:6.1%} {worst:9.1%} "
            f"{row['confidence_before']:5.2f}->{row['confidence_after']:.2f} "
            f"{row['confidence_within_0.1']:9.0%} {row['log_odds_raised']:5.0%}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the photo sets")
    parser.add_argument("--panel", type=Path, required=True, help="the panel's safetensors file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--steps", type=int, help="train for so many steps, not minutes")
    parser.add_argument("--begins", type=Path, help="go on from this generator")
    parser.add_argument("--batch", type=int, default=PhotoPreset.batch)
    parser.add_argument("--rate", type=float, default=PhotoPreset.learning_rate)
    parser.add_argument("--ramp", type=float, default=PhotoPreset.ramp)
    parser.add_argument("--wanted", type=float, default=PhotoPreset.wanted)
    parser.add_argument("--average", type=float, default=PhotoPreset.average)
    parser.add_argument("--count", type=int, help="at most so many photos of each set")
    parser.add_argument("--size", type=int, help="pixels a side of training pictures")
    parser.add_argument("--members", help="of the panel, joined by commas")
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    preset = PhotoPreset(
        batch=given.batch,
        learning_rate=given.rate,
        ramp=given.ramp,
        wanted=given.wanted,
        average=given.average,
    )
    panel = load_photo_panel(given.panel).to(device, memory_format=torch.channels_last)
    if given.members:
        panel = nn.ModuleDict({name: panel[name] for name in given.members.split(",")})
    folders = [given.data / name for name in SOURCES if (given.data / name).is_dir()]
    pictures = Pictures(folders, device, given.count)
    print(f"{len(pictures)} photos, {len(pictures.held_out)} held out", file=sys.stderr)
    training, probe = train(
        pictures,
        panel,
        preset,
        device,
        given.out,
        seconds=60 * given.minutes,
        steps=given.steps,
        begins=given.begins,
        size=given.size,
    )
    rows = probe.whole(halved(training), (1.0,) if given.count else STRENGTHS)
    note = training.note() | {"held_out": rows, "n_train": len(pictures)}
    (given.out / "photo-generator.json").write_text(json.dumps(note, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
