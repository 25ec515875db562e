"""The training of the first change of a face: `python -m training first-change`.

The loss is that of the iterative cloak, taken through what a photo goes through: each face is
pushed beyond a distance, or pulled to somebody, by a change of a size drawn at random.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import swa_utils

from engine.attack import transforms
from engine.attack.alignment import sample
from engine.cloak.broad.eye import window_of
from engine.cloak.fast.chips import BORDER, FRAMING
from engine.faces.chip import DLIB
from engine.faces.finder import SAME, load_finder
from engine.networks.device import autocast
from engine.networks.faces.first import FirstChange
from engine.networks.recogniser import Recogniser, load_recogniser

from ...records.log import log
from .. import checkpoint
from .pictures import Crops, load_crops

FILE = "first-change.safetensors"
RESUME = "first-change.resume.safetensors"
LOGGED, KEPT = 20, 100  # steps between rows of the history, and between checkpoints
CPU = torch.device("cpu")
JITTER = (0.008, 0.012, 0.8)  # standard deviations of a face found again: turn, size, pixels


@dataclass(frozen=True)
class FirstChangePreset:
    """Settings. beyond: the distance that a face is pushed to; near: the one that a target is
    pulled to; targeted: share of a batch; least, most: sizes of a change, levels^½.
    """

    steps: int = 4000
    batch: int = 12
    learning_rate: float = 1.5e-3
    beyond: float = 0.66
    near: float = 0.52
    targeted: float = 0.25
    least: float = 0.5
    most: float = 2.0
    average: float = 0.995
    seed: int = 0


def saves() -> list[Callable[[Tensor], Tensor]]:
    """What a photo goes through, as an aligned chip shows it."""

    def again(scale: float, save: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def transform(x: Tensor) -> Tensor:
            small = save(transforms.scaled(scale)(x))
            return F.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=False)

        return transform

    jpeg = transforms.jpeg
    return [
        transforms.same,
        transforms.same,
        jpeg(70),
        jpeg(90),
        again(0.5, transforms.same),
        again(0.5, jpeg(80)),
        again(0.45, jpeg(75)),
    ]


def matrices(count: int, noise: torch.Generator) -> Tensor:
    """Where dlib's chips lie in the network's, as if each face had been found again: n×2×3."""
    turn, size, shift = JITTER
    angle, scale, x, y = torch.randn(4, count, generator=noise)
    angle, scale = turn * angle, 1 + size * scale
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    linear = torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], 1)
    middle = torch.full((2,), (DLIB.side - 1) / 2)
    centre = (FRAMING.side - 1) / 2 + shift * torch.stack([x, y], -1)
    return torch.cat([linear, (centre - linear @ middle)[:, :, None]], 2)


class FirstChangeTraining:
    def __init__(self, preset: FirstChangePreset, crops: Crops, recogniser: Recogniser):
        torch.manual_seed(preset.seed)
        self.preset, self.crops, self.recogniser = preset, crops, recogniser
        window = window_of(FRAMING.side, FRAMING.side, BORDER)
        self.network = FirstChange(window).to(memory_format=torch.channels_last)
        self.average = swa_utils.AveragedModel(
            self.network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(preset.average)
        )
        self.optimizer = torch.optim.AdamW(self.network.parameters(), preset.learning_rate)
        self.random = torch.Generator().manual_seed(preset.seed)
        self.saves = saves()
        self.steps, self.seconds = 0, 0.0
        self.history: list[dict] = []
        self.held_out: dict[str, float] = {}

    def draw(self, held_out: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        rows = np.flatnonzero(self.crops.held_out == held_out)
        taken = torch.randint(len(rows), (self.preset.batch,), generator=self.random).numpy()
        mirrored = torch.rand(self.preset.batch, generator=self.random).numpy() < 0.5
        return self.crops.batch(rows[taken], mirrored)

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]):
        """The loss, and how far each face is, and which are led to somebody."""
        chips, jnd, own = batch
        led = torch.arange(len(chips)) < round(self.preset.targeted * len(chips))
        targets = own.roll(1, 0)
        goals = targets * led[:, None]
        number = int(torch.randint(len(self.saves), (1,), generator=self.random))
        with autocast(CPU):
            change = network(chips.contiguous(memory_format=torch.channels_last), jnd, goals)
        least, most = self.preset.least, self.preset.most
        size = least + (most - least) * torch.rand(len(chips), 1, 1, 1, generator=self.random)
        change = size * change.float()
        shown = self.saves[number]((chips + change).clamp(0, 1))
        views = sample(shown, matrices(len(chips), self.random), DLIB.side)
        with autocast(CPU):
            seen = self.recogniser(views)
        seen = seen.float()
        apart = (seen - torch.where(led[:, None], targets, own)).square().sum(1).add(1e-9).sqrt()
        short = torch.where(led, apart - self.preset.near, self.preset.beyond - apart)
        return (F.relu(short) / SAME).mean(), apart.detach(), led

    def step(self) -> dict[str, float]:
        done = self.steps / self.preset.steps
        for group in self.optimizer.param_groups:
            warm = min(1.0, self.steps / 50 + 0.02)
            group["lr"] = self.preset.learning_rate * warm * (1 + math.cos(math.pi * done)) / 2
        loss, apart, led = self.loss(self.network, self.draw())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.steps += 1
        return {
            "loss": float(loss.detach()),
            "hold": float((apart[~led] > SAME).float().mean()),
            "apart": float(apart[~led].mean()),
            "led": float((apart[led] < SAME).float().mean()),
        }

    @torch.no_grad()
    def probe(self, batches: int = 4) -> dict[str, float]:
        """The averaged network on faces that were held out."""
        state = self.random.get_state()
        self.random.manual_seed(1)
        network = self.average.module.eval()
        found = [self.loss(network, self.draw(held_out=True)) for _ in range(batches)]
        self.random.set_state(state)
        away = torch.cat([apart[~led] for _, apart, led in found])
        near = torch.cat([apart[led] for _, apart, led in found])
        return {
            "hold": float((away > SAME).float().mean()),
            "apart": float(away.mean()),
            "led": float((near < SAME).float().mean()),
        }

    def note(self) -> dict:
        return {
            "preset": asdict(self.preset),
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
            "history": self.history,
            "held_out": self.held_out,
        }

    def save_state(self, path: Path) -> None:
        state = checkpoint.join({"network": self.network, "average": self.average})
        tensors = checkpoint.pack(state, self.optimizer) | {"random": self.random.get_state()}
        checkpoint.save(path, tensors, self.note())

    def resume(self, path: Path) -> None:
        tensors, note = checkpoint.load_same(path, preset=self.preset)
        self.random.set_state(tensors.pop("random"))
        state = checkpoint.unpack(tensors, self.optimizer)
        checkpoint.split(state, {"network": self.network, "average": self.average})
        for name in ("steps", "seconds", "history", "held_out"):
            setattr(self, name, note[name])


def train_first_change(
    data: Path, runs: Path, preset: FirstChangePreset, count: int | None = None
) -> dict:
    """Train, or go on; leaves FILE in runs/faces/. count: only so many people. Returns the note."""
    folder = runs / "faces"
    recogniser = load_recogniser(None, "cpu")
    crops = load_crops(data, runs, load_finder(), recogniser, count)
    training = FirstChangeTraining(preset, crops, recogniser)
    unfinished = folder / RESUME
    if unfinished.exists():
        training.resume(unfinished)
    began = time.monotonic() - training.seconds
    rows: list[dict] = []
    while training.steps < preset.steps:
        rows.append(training.step())
        training.seconds = time.monotonic() - began
        if training.steps % LOGGED == 0:
            means = {name: round(float(np.mean([r[name] for r in rows])), 4) for name in rows[0]}
            training.history.append({"step": training.steps, **means})
            log(training.history[-1])
            rows = []
        if training.steps % KEPT == 0:
            training.held_out = training.probe()
            log({"step": training.steps, **training.held_out})
            training.save_state(unfinished)
    training.held_out = training.probe()
    state = training.average.module.state_dict()
    checkpoint.save(folder / FILE, {k: v.half() for k, v in state.items()}, training.note())
    unfinished.unlink(missing_ok=True)
    return training.note()
