"""Photos for the training of a photo generator: decoded once, kept on the device as bytes.

A training photo is kept at SIDE×SIDE pixels, its aspect not kept, as the panel sees a whole photo.
Each batch takes random parts of them, mirrored or not, at the panel's size (`Pictures.batch`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from pyarrow import parquet
from torch import Tensor

from engine.networks.photo.efficientnet import SIZE

SIDE = 240  # pixels a side of a stored training photo
HELD_OUT = 200  # photos of the first source, the last, on which settings are chosen
SMALLEST = 0.5  # part of a photo's side that a training picture shows at least
WHOLE = 0.4  # share of the training pictures that show a whole photo


def squeezed(data: bytes, side: int) -> np.ndarray:
    """An encoded photo -> uint8 side×side×3, all of it, bicubic, its aspect not kept."""
    with Image.open(io.BytesIO(data)) as image:
        whole = image.convert("RGB")
    if whole.size != (side, side):
        whole = whole.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(whole)


def encoded(folder: Path, split: str = "train") -> list[bytes]:
    """The encoded pictures of `SPLIT-*.parquet` in a folder, in order."""
    pictures: list[bytes] = []
    for path in sorted(folder.rglob(f"{split}-*.parquet")):
        column = parquet.read_table(path, columns=["image"])["image"]
        pictures += [cell["bytes"] for cell in column.to_pylist()]
    if not pictures:
        raise FileNotFoundError(f"{folder} holds no {split}-*.parquet")
    return pictures


def stack(pictures: Iterable[bytes], side: int) -> np.ndarray:
    """Encoded photos -> uint8 N×side×side×3; decoding runs on all cores."""
    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(lambda data: squeezed(data, side), pictures)))


class Pictures:
    """Training photos on a device, and random parts of them.

    folders: sources of photos; of the first the last HELD_OUT are left out and kept, at the
    panel's size, in `held_out` (uint8 N×224×224×3). count: at most so many of each source.
    """

    def __init__(self, folders: Iterable[Path], device: torch.device, count: int | None = None):
        sources = [encoded(folder) for folder in folders]
        left = HELD_OUT if count is None else min(HELD_OUT, count)
        self.held_out = stack(sources[0][-left:], SIZE)
        sources[0] = sources[0][:-left]
        photos = stack([data for source in sources for data in source[:count]], SIDE)
        self.photos = torch.from_numpy(photos).permute(0, 3, 1, 2).contiguous().to(device)

    def __len__(self) -> int:
        return len(self.photos)

    def batch(self, count: int, random: torch.Generator, size: int = SIZE) -> Tensor:
        """Random parts of random photos: float32 N×3×size×size in 0…1, whole 8-bit levels.

        random: a generator on the photos' device.
        """
        place = {"device": self.photos.device, "generator": random}
        index = torch.randint(len(self.photos), (count,), **place)
        photos = self.photos[index].float()
        scale = SMALLEST + (1 - SMALLEST) * torch.rand((count, 2), **place).mean(1, keepdim=True)
        stretch = 1 + 0.15 * (torch.rand((count, 1), **place) - 0.5)
        scale = (scale * torch.cat([stretch, 1 / stretch], 1)).clamp(max=1)
        scale[torch.rand(count, **place) < WHOLE] = 1
        shift = (1 - scale) * (2 * torch.rand((count, 2), **place) - 1)
        mirror = torch.where(torch.rand(count, **place) < 0.5, -1.0, 1.0)
        theta = torch.zeros(count, 2, 3, device=self.photos.device)
        theta[:, 0, 0], theta[:, 1, 1] = scale[:, 0] * mirror, scale[:, 1]
        theta[:, :, 2] = shift
        grid = F.affine_grid(theta, [count, 3, size, size], align_corners=False)
        parts = F.grid_sample(photos, grid, padding_mode="reflection", align_corners=False)
        return parts.round().clamp(0, 255) / 255
