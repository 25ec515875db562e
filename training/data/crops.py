"""Batches of crops of natural photos: every step draws its own, the same at every run."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .labelled import DataError, Photos

SCALES = (1.0, 0.75, 0.5)  # a photo is shrunk by one of these before it is cropped


def crops(photos: Photos, count: int, side: int, seed: int, step: int) -> Tensor:
    """float32 N×3×side×side in 0…1: random photos, scales, places and mirror images.

    Raises DataError where a photo is smaller than side×side.
    """
    random = np.random.default_rng((seed, step))
    batch = np.empty((count, side, side, 3), np.uint8)
    for row in range(count):
        image = photos.images[random.integers(len(photos))]
        height, width = image.shape[:2]
        if min(height, width) < side:
            raise DataError(f"{photos.source}: {width}×{height} is smaller than {side}×{side}")
        scale = max(SCALES[random.integers(len(SCALES))], side / min(height, width))
        cut = min(int(np.ceil(side / scale)), height, width)
        top = random.integers(height - cut + 1)
        left = random.integers(width - cut + 1)
        crop = image[top : top + cut, left : left + cut]
        if cut != side:
            crop = np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BOX))
        batch[row] = crop[:, ::-1] if random.random() < 0.5 else crop
    return torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
