"""A generator in training, and one epoch of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import swa_utils

from engine.networks.generator import Generator
from engine.networks.panel import Panel

from ... import checkpoint, parallel
from ...presets import GeneratorPreset
from ..predictions import take
from .graphed import GraphedSteps, can_be_graphed
from .objective import Draws, ramp, step_loss

LOGGED = ("loss", "l_c", "l_m", "l_s", "psnr_db")


def learning_rate(preset: GeneratorPreset, step: int, steps: int) -> float:
    if not preset.cosine:
        return preset.learning_rate
    rise = max(1, round(0.03 * steps))
    if step < rise:
        return preset.learning_rate * (step + 1) / rise
    return preset.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))


class Training:
    """One generator being trained: the network, its average, the optimiser, what is done.

    limit: seconds that it may take; then its schedule goes by them where they pass sooner than the
    epochs.
    """

    def __init__(
        self,
        preset: GeneratorPreset,
        network: Generator,
        earlier: dict,
        device: torch.device,
        limit: float | None = None,
    ):
        self.preset, self.limit = preset, limit
        self.earlier = earlier
        self.before = self.earlier.pop("history", [])
        self.network = network.to(device, memory_format=torch.channels_last)
        self.average = swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=swa_utils.get_ema_multi_avg_fn(preset.average),
            use_buffers=True,
        )
        kind = torch.optim.AdamW if preset.decoupled else torch.optim.Adam
        graphed = can_be_graphed(preset, device)
        self.optimizer = kind(
            self.network.parameters(),
            preset.learning_rate,
            weight_decay=preset.weight_decay,
            capturable=graphed,
        )
        self.shared = parallel.shared(self.network)  # what a step calls
        self.graphed: GraphedSteps | None = None
        self.seconds = 0.0
        self.began = time.monotonic()  # the epoch that is not yet in `seconds`
        self.history: list[dict] = []

    def share(self, epochs: float) -> float:
        """How much of the training is done after so many epochs."""
        share = epochs / self.preset.epochs
        if self.limit is None:
            return share
        passed = (self.seconds + time.monotonic() - self.began) / self.limit
        return min(1.0, max(share, parallel.of_the_first(passed)))

    def save(self, path: Path, settings: dict) -> None:
        state = checkpoint.join({"network": self.network, "average": self.average})
        note = settings | {"seconds": self.seconds, "history": self.history}
        checkpoint.save(path, checkpoint.pack(state, self.optimizer), note)

    def resume(self, path: Path, expected: dict) -> None:
        tensors, note = checkpoint.load_same(path, **expected)
        state = checkpoint.unpack(tensors, self.optimizer)
        checkpoint.split(state, {"network": self.network, "average": self.average})
        self.seconds, self.history = note["seconds"], note["history"]


@dataclass(frozen=True)
class Pass:
    """What one epoch goes over, on the device that trains.

    images uint8 N×H×W×3 and the panel's predictions for them; order int64 N: of the images;
    mirrored bool N: of each, in that order.
    """

    panel: Panel
    images: Tensor
    predictions: dict[str, Tensor]
    order: Tensor
    mirrored: Tensor


def run_epoch(
    training: Training, panel: Panel, images: Tensor, predictions: dict[str, Tensor]
) -> dict:
    """One pass over the images -> the means of what was logged, as one row of the history.

    images, and predictions for them: on the device that trains.
    """
    preset, epoch, device = training.preset, len(training.history), images.device
    random = torch.Generator().manual_seed(1000 * preset.seed + epoch)
    order = torch.randperm(len(images), generator=random)
    mirrored = (torch.rand(len(images), generator=random) < 0.5)[order].to(device)
    training.network.train()
    panel.train()  # a step sees one side; mirrored pictures in the batches show the other
    given = Pass(panel, images, predictions, order.to(device), mirrored)
    if can_be_graphed(preset, device):
        values, shares = graphed_steps(training, given)
    else:
        values, shares = drawn_steps(training, given, Draws(random))
    return {
        "epoch": epoch + 1,
        **dict(zip(LOGGED, values, strict=True)),
        "train_rca": dict(zip(panel.names, shares, strict=True)),
    }


def graphed_steps(training: Training, given: Pass) -> tuple[list[float], list[float]]:
    """As `drawn_steps`, for a preset that draws nothing."""
    if training.graphed is None:
        training.graphed = GraphedSteps(
            training.network,
            training.optimizer,
            given.panel,
            given.images,
            given.predictions,
            training.preset,
        )
    found = training.graphed.epoch(given.order, given.mirrored)
    training.average.update_parameters(training.network)  # which here is the network itself
    return found


def drawn_steps(training: Training, given: Pass, draws: Draws) -> tuple[list[float], list[float]]:
    """The steps of an epoch -> means of what is logged, and of the shares of labels kept."""
    preset, epoch, panel = training.preset, len(training.history), given.panel
    batches = len(given.images) // preset.batch
    steps = preset.epochs * batches
    # Not the assistants: of these there are labels only.
    mapped = tuple(name for name in panel.names if f"maps.{name}" in given.predictions)
    logged, shares = [], []
    for step in range(batches):
        part = slice(step * preset.batch, (step + 1) * preset.batch)
        batch = take(
            given.images,
            given.predictions,
            mapped,
            given.order[part],
            given.mirrored[part],
            given.images.device,
        )
        done = training.share(epoch + step / batches)
        loss, values, rates = step_loss(
            training.shared, panel, batch, preset, draws, ramp(preset, done)
        )
        logged.append(values)
        shares.append(rates)
        for group in training.optimizer.param_groups:
            group["lr"] = learning_rate(preset, round(done * steps), steps)
        training.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        training.optimizer.step()
        training.average.update_parameters(training.network)
    means = torch.stack(logged).mean(0), torch.stack(shares).nanmean(0)
    return parallel.mean(means[0]).tolist(), parallel.mean(means[1]).tolist()
