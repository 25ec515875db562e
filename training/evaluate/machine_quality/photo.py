"""What is measured of one photo: fifty distorted copies, judged by machines, formulas and eyes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.images.picture import to_batch
from engine.metrics.decibels import finite
from engine.metrics.perceptual import measure
from engine.metrics.quality import psnr_8bit, ssim
from engine.models.session import Session
from engine.panels.embedded import Panel
from engine.panels.predicted import softmax
from engine.quality.machines import estimated

from ..photo.subject import opened
from .distortions import variants

QUICK = ("fsim", "vif")  # of every photo
SLOW = ("jod",)  # of the first ones


@dataclass(frozen=True)
class Machines:
    """The panel that is asked, and by name the classifiers that are not."""

    panel: Panel
    unseen: dict[str, Session] = field(default_factory=dict)

    def logits(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 H×W×3 -> logits P×classes of the panel, U×classes of the others."""
        view = self.panel.view(pixels[None])
        own = self.panel.predictions(view).logits[0]
        batch = to_batch(view)
        others = [session.run(image=batch)[0] for session in self.unseen.values()]
        return own, np.concatenate(others) if others else own[:0]


@lru_cache(maxsize=1)
def machines(weights: Path | None, unseen: Path | None) -> Machines:
    """Loaded once in a process. unseen: a folder of ONNX classifiers, or None."""
    files = sorted(unseen.glob("*.onnx")) if unseen is not None else []
    panel = Panel("photos", weights=weights, device="cpu")
    return Machines(panel, {path.stem: opened(path) for path in files})


def measured(asked: Machines, pixels: np.ndarray, number: int, *, slow: bool) -> list[dict]:
    """A dict for each distorted copy of a photo uint8 H×W×3; number: its place, for the seed.

    own, unseen: whether each machine keeps its label; before, after: each unseen machine's
    probability of the label that it gives the photo; keep, drop: what the panel's answers let
    expect of them. slow: the slow metrics are measured too.
    """
    pixels = np.array(pixels)  # PyTorch warns of one that cannot be written
    own_before, others_before = asked.logits(pixels)
    rows = np.arange(len(others_before))
    labels = others_before.argmax(1)
    before = softmax(others_before)[rows, labels]
    found = []
    for name, level, distorted in variants(pixels, number):
        own, others = asked.logits(distorted)
        keep, drop = estimated(own_before[None], own[None])
        after = softmax(others)[rows, labels]
        metrics, _ = measure(pixels, distorted, QUICK + (SLOW if slow else ()))
        found.append(
            {
                "distortion": name,
                "level": level,
                "psnr_db": finite(psnr_8bit(pixels, distorted), 4),
                "ssim": ssim(pixels, distorted),
                **metrics,
                "keep": float(keep[0]),
                "drop": float(drop[0]),
                "own": (own.argmax(1) == own_before.argmax(1)).tolist(),
                "unseen": (others.argmax(1) == labels).tolist(),
                "before": [round(float(each), 6) for each in before],
                "after": [round(float(each), 6) for each in after],
            }
        )
    return found
