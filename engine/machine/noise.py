"""White noise of the same PSNR as a machine JND, and what the panel predicts of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..images.picture import decode, encode_png, to_batch
from ..metrics.quality import psnr
from ..panels.predicted import LabelChange
from .baselines import gaussian_noise, match_psnr
from .jnd import MachineJND
from .result import MachineResult


@dataclass(frozen=True)
class NoiseControl:
    """A picture with white noise, at the panel's input size h×w.

    pixels: uint8 h×w×3; png: the bytes of its file; psnr_db: of the 8-bit picture; labels: of
    each classifier, before for the original and after for the noisy picture.
    """

    pixels: np.ndarray
    png: bytes
    psnr_db: float
    labels: tuple[LabelChange, ...]


def noise_of_same_psnr(machine: MachineJND, result: MachineResult, seed: int = 0) -> NoiseControl:
    """White Gaussian noise on the original at the PSNR of the result (as paper A, Fig. 1)."""
    clean = result.original[None]
    wanted = psnr(to_batch(result.distorted[None]) - to_batch(clean))
    png = encode_png(match_psnr(clean, wanted, gaussian_noise(clean, seed))[0])
    noisy = decode(png).pixels
    before, after = machine.panel.logits_of(np.stack([result.original, noisy]))
    return NoiseControl(
        pixels=noisy,
        png=png,
        psnr_db=float(psnr(to_batch(noisy[None]) - to_batch(clean))[0]),
        labels=machine.panel.label_changes(before, after),
    )
