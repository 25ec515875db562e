"""The JND of a few sample pictures at stages of a training, for a figure as paper A's Fig. 8."""

from __future__ import annotations

import base64

import numpy as np
import torch

from engine.images.picture import as_picture, decode, encode_png, resize, to_batch
from engine.images.samples import sample_paths
from engine.networks.generator import Generator
from engine.networks.panel import Panel

COUNT = 4  # stages, and sample pictures
SIDE = 32


def stages(epochs: int) -> list[int]:
    """The epochs after which the samples are drawn: the first, the last, two between."""
    return sorted({max(1, round(epochs ** (k / (COUNT - 1)))) for k in range(COUNT)})


def samples() -> dict[str, np.ndarray]:
    """Pictures that scikit-image ships, at the panel's size: name -> uint8 32×32×3."""
    return {
        path.stem: resize(as_picture(path).pixels, SIDE, SIDE) for path in sample_paths()[:COUNT]
    }


@torch.no_grad()
def jnd_maps(generator: Generator, panel: Panel) -> dict[str, str]:
    """Name of a sample -> base64 of a PNG of E around grey: 128 is none, 1 is -0.5 (of 0…1)."""
    generator.eval()
    panel.eval()
    device = next(generator.parameters()).device
    pictures = samples()
    x = torch.from_numpy(to_batch(np.stack(list(pictures.values())))).to(device)
    logits, cams = panel(x)
    full = torch.ones(len(x), device=device)
    change = generator(2 * x - 1, cams, logits.argmax(2), full, logits) / 2
    maps = (128 + 254 * change).clamp(0, 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return {
        name: base64.b64encode(encode_png(pixels)).decode()
        for name, pixels in zip(pictures, maps, strict=True)
    }


def read_map(text: str) -> np.ndarray:
    """What `jnd_maps` wrote -> E, float32 32×32×3 on the 0…1 scale."""
    return (decode(base64.b64decode(text)).pixels.astype(np.float32) - 128) / 254
