"""The training of a photo generator against the frozen photo panel, within a given time.

The schedules (warm-up and cosine of the learning rate, rise of the magnitude) go by the share of
the time that has passed, so that a training ends itself on any machine. What it leaves is an
exponential average of the weights in half precision with the history (FILE); until it has ended
also all that it needs to go on after it was stopped (RESUME).
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import swa_utils

from engine.networks.photo import quantised
from engine.networks.photo.generator import PhotoGenerator

from ...records.log import log
from .. import checkpoint
from .objective import VALUES, step_loss
from .pictures import Pictures
from .preset import PhotoPreset, ramp, rate
from .probe import Probe, summary

FILE = "photo-generator.safetensors"
RESUME = "photo-generator.resume.safetensors"
LOGGED = {"cuda": 50, "cpu": 10}  # steps between rows of the history
PATIENCE = 20  # steps in a row that may be left out because a gradient is not finite
LATELY = 0.02  # weight of a step in the running share of labels kept
SLOWLY = 0.005  # by which a step loosens or tightens the restraint on the magnitude


def load_generator(path: Path) -> tuple[PhotoGenerator, dict]:
    """A generator, in half precision or in 8 bits (FILE), or as exported, and its note."""
    if path.suffix == ".onnx":
        from engine.networks.stored import contract, weights_in

        state, note = weights_in(path, "generator."), contract(path)["training"]
    else:
        tensors, note = checkpoint.load(path)
        state = quantised.unpack(tensors)
    members = sum(name.startswith("project.") and name.endswith(".weight") for name in state)
    levels = [
        state[f"encoder.{n}.conv1.bias"].numel()
        for n in range(sum(name.endswith("conv1.bias") for name in state) // 2)
    ]
    network = PhotoGenerator(members, tuple(levels))
    network.load_state_dict(state)
    return network.eval(), note


class PhotoTraining:
    """A generator, its average, the optimiser and the history."""

    def __init__(self, preset: PhotoPreset, network: PhotoGenerator, device: torch.device):
        self.preset, self.device, self.further = preset, device, False
        self.network = network.to(device, memory_format=torch.channels_last)
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

    def step(self, panel: nn.ModuleDict, x: Tensor, done: float) -> Tensor:
        """One step after this share of the training; returns the values named in VALUES."""
        half = torch.autocast(self.device.type, torch.bfloat16, self.device.type == "cuda")
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.preset, done)
        self.restraint *= 1 + SLOWLY if self.holding > self.preset.held else 1 - SLOWLY
        self.restraint = min(1.0, max(self.preset.least, self.restraint))
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
        reached = values[VALUES.index("rca")].nan_to_num(1).item()
        self.holding = (1 - LATELY) * self.holding + LATELY * reached
        return values

    def rise(self, done: float) -> float:
        """The ramp, held back while too many labels are lost: with them goes the gradient."""
        return self.restraint * ramp(self.preset, done, self.further)

    def log(self, rows: list[Tensor], done: float) -> dict:
        """A row of the history: means over the steps since the last one."""
        means = torch.stack(rows).nanmean(0).tolist()
        row = {
            "step": self.steps,
            "per_second": round(self.steps * self.preset.batch / self.seconds),
        }
        row |= {name: round(value, 4) for name, value in zip(VALUES, means, strict=True)}
        self.history.append(row | {"rise": round(self.rise(done), 3)})
        return self.history[-1]

    def note(self) -> dict:
        return {
            "preset": asdict(self.preset),
            "further": self.further,
            "steps": self.steps,
            "pictures": self.steps * self.preset.batch,
            "seconds": round(self.seconds, 1),
            "skipped": self.skipped,
            "history": self.history,
            "probes": self.probes,
        }

    def begin_from(self, path: Path) -> None:
        """Go on from the averaged weights of an earlier training (`load_generator`)."""
        earlier, _ = load_generator(path)
        self.network.load_state_dict(earlier.state_dict())
        self.average.module.load_state_dict(self.network.state_dict())
        self.further = True

    def halved(self) -> PhotoGenerator:
        """The averaged network as it is kept: its weights rounded to half precision."""
        network = PhotoGenerator(self.network.members, self.network.levels)
        state = self.average.module.state_dict()
        network.load_state_dict({name: value.half().float() for name, value in state.items()})
        return network.to(self.device, memory_format=torch.channels_last).eval()

    def save(self, path: Path) -> None:
        """The averaged weights in half precision, and the note."""
        state = self.average.module.state_dict()
        checkpoint.save(path, {name: value.half() for name, value in state.items()}, self.note())

    def save_state(self, path: Path) -> None:
        """All that `resume` needs: weights, average, optimiser, random numbers, the note."""
        state = checkpoint.join({"network": self.network, "average": self.average})
        tensors = checkpoint.pack(state, self.optimizer) | {"random": self.random.get_state()}
        control = {"in_a_row": self.in_a_row, "holding": self.holding, "restraint": self.restraint}
        checkpoint.save(path, tensors, self.note() | {"control": control})

    def resume(self, path: Path) -> None:
        """Go on where `save_state` was. Raises DataError where its settings are others."""
        tensors, note = checkpoint.load_same(path, preset=self.preset)
        self.random.set_state(tensors.pop("random"))
        state = checkpoint.unpack(tensors, self.optimizer)
        checkpoint.split(state, {"network": self.network, "average": self.average})
        for name in ("further", "steps", "seconds", "skipped", "history", "probes"):
            setattr(self, name, note[name])
        for name, value in note["control"].items():
            setattr(self, name, value)


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
    levels: tuple[int, ...] | None = None,
) -> tuple[PhotoTraining, Probe]:
    """Train for `seconds` (or up to `steps`, where given); leaves FILE in `out`.

    Where `out` holds RESUME of a stopped training with the same preset, that goes on.

    begins: an earlier generator to go on from; probe_every: seconds between two measurements on the
    held-out photos, after each of which both files are written; size: pixels a side of training
    pictures, by default the panel's; levels: the generator's channels, by default its own.
    """
    torch.manual_seed(preset.seed)
    network = PhotoGenerator(len(panel), **({} if levels is None else {"levels": levels}))
    training = PhotoTraining(preset, network, device)
    unfinished = out / RESUME
    if unfinished.exists():
        training.resume(unfinished)
    elif begins is not None:
        training.begin_from(begins)
    probe = Probe(panel, torch.from_numpy(pictures.held_out), device)
    probed = time.monotonic()
    started = probed - training.seconds
    rows: list[Tensor] = []
    extra = {} if size is None else {"size": size}
    while True:
        training.seconds = time.monotonic() - started
        done = training.seconds / seconds if steps is None else training.steps / steps
        if done >= 1:
            break
        x = pictures.batch(preset.batch, training.random, **extra)
        rows.append(training.step(panel, x, done))
        training.seconds = time.monotonic() - started
        if len(rows) == LOGGED[device.type]:
            log(training.log(rows, done))
            rows = []
        if time.monotonic() - probed > probe_every:
            row = {"step": training.steps, **probe.brief(training.average.module.eval())}
            training.probes.append(row)
            for mode in ("labels", "confidence"):
                log(f"{training.steps} {mode} {summary(row[mode])}")
            training.save(out / FILE)
            training.save_state(unfinished)
            probed = time.monotonic()
    training.save(out / FILE)
    unfinished.unlink(missing_ok=True)
    return training, probe
