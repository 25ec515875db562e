"""One stage of a training: steps, averages, the record, and where it goes on after a stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import swa_utils

from ...data.crops import crops
from ...data.labelled import Photos
from ...records.log import log
from .. import checkpoint
from ..presets import HumanPreset

STAGES = ("degradation", "attention", "jnd")
SPLIT = 1_000_000  # steps are numbered apart: stage 2 does not see the crops of stage 1 again


def learning_rate(peak: float, step: int, steps: int) -> float:
    """Cosine to zero after a warm-up over the first twentieth."""
    rise = max(1, round(0.05 * steps))
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


class Stage:
    """One stage's training: a network, its average, the optimiser, what is done and measured."""

    def __init__(self, name: str, network: nn.Module, preset: HumanPreset, decay: float = 0.0):
        self.name, self.preset = name, preset
        self.network = network.to(memory_format=torch.channels_last)
        self.average = swa_utils.AveragedModel(
            network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(decay)
        )
        self.optimizer = torch.optim.Adam(network.parameters(), preset.learning_rate)
        self.done, self.seconds = 0, 0.0
        self.history: list[dict] = []
        self.means: dict[str, float] = {}  # running means of the quality losses

    def save(self, path: Path, settings: dict) -> None:
        state = checkpoint.join({"network": self.network, "average": self.average})
        parts = ("done", "seconds", "history", "means")
        note = settings | {key: getattr(self, key) for key in parts}
        checkpoint.save(path, checkpoint.pack(state, self.optimizer), note)

    def resume(self, path: Path, settings: dict) -> None:
        tensors, note = checkpoint.load_same(path, **settings)
        state = checkpoint.unpack(tensors, self.optimizer)
        checkpoint.split(state, {"network": self.network, "average": self.average})
        for key in ("done", "seconds", "history", "means"):
            setattr(self, key, note[key])

    def run(self, photos: Photos, steps: int, loss: StageLoss, path: Path, settings: dict) -> None:
        """Train to `steps`; every `save_every` of them are recorded and saved."""
        device = next(self.network.parameters()).device
        first = SPLIT * STAGES.index(self.name)
        totals: dict[str, float] = {}
        started, since = time.monotonic(), self.done
        self.network.train()
        while self.done < steps:
            seed, step = self.preset.seed, first + self.done
            x = crops(photos, self.preset.batch, self.preset.crop, seed, step).to(device)
            torch.manual_seed(1_000_003 * seed + step)
            value, logged = loss(self, x)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.preset.learning_rate, self.done, steps)
            self.optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
            self.average.update_parameters(self.network)
            for key, number in {"loss": value.detach(), **logged}.items():
                totals[key] = totals.get(key, 0.0) + float(number)
            self.done += 1
            if self.done % self.preset.save_every == 0 or self.done == steps:
                self.seconds += time.monotonic() - started
                row = {key: total / (self.done - since) for key, total in totals.items()}
                row |= {"step": self.done, "seconds": round(self.seconds, 1)}
                self.history.append(row)
                log({"stage": self.name, **row})
                self.save(path, settings)
                totals, started, since = {}, time.monotonic(), self.done


StageLoss = Callable[[Stage, Tensor], tuple[Tensor, dict[str, Tensor]]]
