"""Per-image search: the machine JND of one picture, found by gradient instead of a network.

The objective is the one generators are trained with (paper A, eq. 7), minimised over E itself,
for any panel of classifiers. It is slow, needs no training, and is the yardstick for what the
network leaves unused. Needs torch and onnx; CUDA where there is one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..attack.objective import lead, to_levels
from ..images.picture import to_batch, to_pixels
from ..metrics.quality import psnr
from ..networks import losses
from ..networks.device import autocast, torch_device
from ..networks.panel import Panel
from ..networks.photo.panel import stored_photo_panel
from ..networks.stored import stored_panel
from ..panels.aim import Aim
from ..system.progress import Progress

# Logits by which a label must lead: four times what bfloat16 changes of a logit of about ten.
MARGIN = 0.15


@dataclass(frozen=True)
class SearchStep(Progress):
    """Where a search of N pictures stands; the last step is its result.

    change float32 N×3×H×W on the 0…1 scale: of the strongest distortion so far whose 8-bit
    picture keeps every label, zero where there is none yet; success bool N: whether there is
    one; psnr_db N: of that 8-bit picture, inf where there is none. loss: mean of eq. 7.
    """

    number: int
    total: int
    last: bool
    loss: float
    change: np.ndarray
    psnr_db: np.ndarray
    success: np.ndarray


def best_so_far(psnr_db: np.ndarray) -> str:
    """The first picture's best, in words; inf where there is none."""
    return f"{psnr_db[0]:.2f} dB" if np.isfinite(psnr_db[0]) else "nothing yet"


class Searcher:
    """A panel in PyTorch and the search on it.

    panel: any `engine.networks.panel.Panel`, by default the exported one of this name in
    `engine.models.registry.PANELS` (weights as in `engine.models.locate`). device: auto, cpu or
    cuda. exact: single precision, which for one picture is as fast; otherwise bfloat16 where a
    trial finds it faster (`engine.networks.device`), so that a change may depend on how busy the
    machine was. Raises WeightsError, DeviceError.
    """

    def __init__(
        self,
        panel: Panel | None = None,
        *,
        name: str = "cifar10",
        weights: str | os.PathLike | None = None,
        device: str = "auto",
        exact: bool = False,
    ):
        self.exact = exact
        self.device = torch.device(torch_device(device))
        if panel is None:
            panel = stored_photo_panel(weights) if name == "photos" else stored_panel(weights)[0]
        panel.to(self.device, memory_format=torch.channels_last)
        self.panel = panel.eval().requires_grad_(False)

    def prepare(self, pixels: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 N×H×W×3 -> pictures N×3×H×W in 0…1, labels N×P, merged CAMs N×1×H×W (eq. 2)."""
        clean = torch.from_numpy(to_batch(pixels)).to(self.device)
        with torch.no_grad():
            logits, cams = self.panel(clean)
        return clean, logits.argmax(2), cams.mean(1, keepdim=True)

    def evaluate(
        self,
        clean: Tensor,
        change: Tensor,
        labels: Tensor,
        cam: Tensor,
        alpha: float,
        beta: float,
        wanted: float,
        before: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """E in -1…1 -> the picture x + E, the panel's logits of it in 8 bits, the mean of eq. 7.

        before: logits of the pictures where the confidence is to be kept as well.
        """
        effective = losses.surviving(change, 2 * clean - 1)
        candidate = clean + effective / 2  # an image: clipped to 0…1
        with nullcontext() if self.exact else autocast(self.device):
            logits = self.panel.logits(to_levels(candidate))
        logits = logits.float()
        kept = (
            losses.classification_loss(logits, labels)
            if before is None
            else losses.confidence_loss(logits, before, labels).mean()
        )
        loss = (
            kept
            + alpha * losses.magnitude_loss(effective, cam, wanted)
            + beta * losses.spatial_loss(effective, cam)
        )
        return candidate, logits, loss

    @torch.no_grad()
    def loss(
        self, pixels: np.ndarray, change: np.ndarray, *, alpha: float, beta: float, wanted: float
    ) -> float:
        """Eq. 7 of a change float32 N×3×H×W on the 0…1 scale, mean over the pictures."""
        clean, labels, cam = self.prepare(pixels)
        doubled = torch.from_numpy(2 * change).to(self.device)  # in -1…1
        return self.evaluate(clean, doubled, labels, cam, alpha, beta, wanted)[2].item()

    def steps(
        self,
        pixels: np.ndarray,
        *,
        count: int = 200,
        rate: float = 0.05,
        alpha: float = 1.0,
        beta: float = 0.1,
        wanted: float = 1.0,
        max_seconds: float | None = None,
        keep_confidence: bool = False,
        seed: int = 0,
    ) -> Iterator[SearchStep]:
        """Search on uint8 N×H×W×3; one `SearchStep` per gradient step, the best so far in each.

        count: gradient steps; rate: Adam's step on the argument of the tanh that bounds E;
        alpha, beta: weights of L_m and L_s (eq. 7); wanted: multiple of D_t (eq. 10).
        Ends early after max_seconds. keep_confidence: as `engine.panels.aim.Aim` has it.
        """
        started = time.monotonic()
        clean, labels, cam = self.prepare(pixels)
        with torch.no_grad():
            before = self.panel.logits(clean) if keep_confidence else None
        aims = [
            Aim(each.cpu().numpy(), range(len(each)), True)
            for each in (before if keep_confidence else ())
        ]
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
        free = (0.1 * noise).to(self.device).requires_grad_()  # E = tanh(free), in -1…1
        optimizer = torch.optim.Adam([free], lr=rate)
        best = torch.zeros_like(clean)
        best_psnr = np.full(len(pixels), np.inf)
        for number in range(1, count + 1):
            change = torch.tanh(free)
            candidate, logits, loss = self.evaluate(
                clean, change, labels, cam, alpha, beta, wanted, before
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            holds = (lead(logits, labels, targeted=True) > MARGIN).all(1).cpu().numpy()
            for row, aim in enumerate(aims):
                holds[row] &= aim.holds(logits.detach().cpu().numpy()[row : row + 1])[0]
            distorted = to_pixels(candidate.detach().cpu().numpy())
            psnrs = psnr(to_batch(distorted) - to_batch(pixels))
            better = holds & (psnrs < best_psnr)
            best[better] = change.detach()[better] / 2
            best_psnr[better] = psnrs[better]
            late = max_seconds is not None and time.monotonic() - started > max_seconds
            yield SearchStep(
                doing=f"step {number}/{count}: best that holds {best_so_far(best_psnr)}",
                share=number / count,
                number=number,
                total=count,
                last=late or number == count,
                loss=loss.item(),
                change=best.cpu().numpy().copy(),
                psnr_db=best_psnr.copy(),
                success=np.isfinite(best_psnr),
            )
            if late:
                return
