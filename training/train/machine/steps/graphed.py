"""A training step as one CUDA graph, for presets that leave nothing to chance.

With pictures of 32×32 and the paper's batches of 50, a GPU waits for its kernels to be started:
some 500 in a step. Captured once, they are replayed with a single call. The panel's classifiers
are independent of one another and run side by side, each on a stream of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.networks.panel import Panel

from ... import parallel
from ...presets import GeneratorPreset
from ..predictions import take
from .objective import equation_7, undrawn

WARM_UP = 3  # steps before the capture: they choose algorithms and allocate what stays


def can_be_graphed(preset: GeneratorPreset, device: torch.device) -> bool:
    """Whether every step of a preset is the same but for its images, on one GPU."""
    drawn = preset.asked is not None or any(
        (preset.varied, preset.diverse, preset.contrary, preset.shifted, preset.weakened)
    )
    changing = preset.cosine or preset.ramp or preset.average or preset.assistants
    alone = device.type == "cuda" and parallel.processes() == 1
    return alone and not drawn and not changing


class GraphedSteps:
    """The steps of a training, captured when an epoch begins for the first time.

    network and optimizer (of kind "capturable") as they are trained; images and predictions on the
    GPU, of the panel's classifiers alone.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        panel: Panel,
        images: Tensor,
        predictions: dict[str, Tensor],
        preset: GeneratorPreset,
    ):
        self.network, self.optimizer, self.panel = network, optimizer, panel
        self.images, self.predictions, self.preset = images, predictions, preset
        device, batches = images.device, len(images) // preset.batch
        self.streams = [torch.cuda.Stream() for _ in panel.names]
        self.order = torch.zeros(batches, preset.batch, dtype=torch.int64, device=device)
        self.mirrored = torch.zeros(batches, preset.batch, dtype=torch.bool, device=device)
        self.at = torch.zeros(1, dtype=torch.int64, device=device)
        self.sums: list[Tensor] = []  # of what is logged, and of the shares of labels kept
        self.graph: torch.cuda.CUDAGraph | None = None

    def logits(self, x: Tensor) -> Tensor:
        """N×3×H×W in 0…1 -> logits N×P×classes; the classifiers run side by side."""
        now, logits = torch.cuda.current_stream(), []
        for stream, name in zip(self.streams, self.panel.names, strict=True):
            stream.wait_stream(now)
            with torch.cuda.stream(stream):
                logits.append(self.panel.classifiers[name](x))
        for stream in self.streams:
            now.wait_stream(stream)
        return torch.stack(logits, 1)

    def step(self) -> None:
        """One training step with the next images of the epoch, without a word to the processor."""
        index, mirrored = (
            every.index_select(0, self.at)[0] for every in (self.order, self.mirrored)
        )
        batch = take(
            self.images, self.predictions, self.panel.names, index, mirrored, self.images.device
        )
        loss, values, rates = equation_7(self.network, self.logits, undrawn(batch), self.preset)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.at += 1
        if not self.sums:
            self.sums = [torch.zeros_like(values), torch.zeros_like(rates)]
        for total, new in zip(self.sums, (values, rates), strict=True):
            total += new

    def epoch(self, order: Tensor, mirrored: Tensor) -> tuple[list[float], list[float]]:
        """Train once on the images in this order, bool mirrored of each -> means over the steps."""
        count, size = self.order.shape
        for kept, new in ((self.order, order), (self.mirrored, mirrored)):
            kept.copy_(new[: count * size].view(count, size))
        self.at.zero_()
        for total in self.sums:
            total.zero_()
        begun = 0
        if self.graph is None:
            begun = min(WARM_UP, count)
            self.capture(begun)
        for _ in range(count - begun):
            self.graph.replay()
        means = [(total / count).tolist() for total in self.sums]
        return means[0], means[1]

    def capture(self, steps: int) -> None:
        """Do so many steps, then capture one."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(steps):
                self.step()
        torch.cuda.current_stream().wait_stream(aside)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()
