"""Biases that make up for what storing weights in 8 bits shifts, on average, in every layer.

Rounding a layer's weights moves the mean of each of its output channels a little, and layers add
up. Layer by layer, each bias is moved back by that difference (Nagel et al. 2019), measured on
crops of the sample pictures, which take part in nothing else. No bytes are needed for it.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.images.picture import as_picture, resize, to_batch
from engine.images.samples import sample_paths
from engine.networks.photo.efficientnet import SIZE, EfficientNetLite

CROPS = 11  # of each sample picture, beside the whole of it
SMALLEST = 0.4  # part of the shorter side that a crop shows at least
SEED = 0


def crops() -> Tensor:
    """The sample pictures, whole and in random parts, some mirrored: float32 N×3×224×224."""
    random = np.random.default_rng(SEED)
    parts = []
    for path in sample_paths():
        pixels = as_picture(str(path)).pixels
        height, width = pixels.shape[:2]
        parts.append(resize(pixels, SIZE, SIZE))
        for _ in range(CROPS):
            side = int(min(height, width) * random.uniform(SMALLEST, 1))
            top, left = (random.integers(0, whole - side + 1) for whole in (height, width))
            part = resize(pixels[top : top + side, left : left + side], SIZE, SIZE)
            parts.append(part[:, ::-1] if random.random() < 0.5 else part)
    return torch.from_numpy(to_batch(np.stack(parts)))


def matched(ours: nn.Module, theirs: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Move the bias of the layer `theirs` so that its channels have the means of `ours`.

    x, y: what each is given; returns what each gives then. The bias is of half precision.
    """
    wanted = ours(x)
    others = [n for n in range(wanted.ndim) if n != 1]
    shift = (wanted - theirs(y)).mean(others)
    theirs.bias.copy_((theirs.bias + shift).half())
    return wanted, theirs(y)


def correct_biases(exact: EfficientNetLite, stored: EfficientNetLite) -> None:
    """Move the biases of `stored` so that each layer's channels have the means of `exact`.

    exact: before its weights were rounded. The biases are of half precision, as they are kept.
    """
    with torch.no_grad():
        x = (crops() * 255 - 127) / 128
        a, b = map(F.relu6, matched(exact.stem, stored.stem, x, x))
        for ours, theirs in zip(exact.blocks, stored.blocks, strict=True):
            p, q = a, b
            if ours.expand is not None:
                p, q = map(F.relu6, matched(ours.expand, theirs.expand, p, q))
            p, q = map(F.relu6, matched(ours.depthwise, theirs.depthwise, p, q))
            p, q = matched(ours.project, theirs.project, p, q)
            a, b = (a + p, b + q) if ours.shortcut else (p, q)
        a, b = map(F.relu6, matched(exact.head, stored.head, a, b))
        matched(exact.linear, stored.linear, a.mean((2, 3)), b.mean((2, 3)))
