"""Changes that a cloaked photo may undergo before it is matched, with a gradient.

Each is a function n×3×H×W in 0…1 -> the same kind, at full or half size. The JPEG is the codec's
arithmetic (colour, 4:2:0, 8×8 cosine transform, quantisation), its rounding replaced by a smooth
stand-in in the gradient only; the verdict is left to real codecs. Pictures that are parts of a
photo must begin at a multiple of 32 pixels, so that blocks lie as in the whole photo.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 "
    "80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 "
    "72 92 95 98 112 100 103 99"
)  # Annex K of ITU-T T.81, by rows
CHROMA = (
    "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 "
    "47 66 99 99 99 99 99 99 "
) + "99 " * 32
TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)
GRID = 32  # pixels: two JPEG blocks of halved colour, at half size


@cache
def _tables(quality: int) -> tuple[Tensor, Tensor]:
    """Quantisation steps 8×8 for luma and chroma, as libjpeg scales them."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    tables = []
    for text in (LUMA, CHROMA):
        base = torch.tensor([float(value) for value in text.split()]).view(8, 8)
        tables.append(((base * scale + 50) / 100).floor().clamp(1, 255))
    return tables[0], tables[1]


@cache
def _cosines() -> Tensor:
    """Orthonormal DCT-II, 8×8."""
    k, i = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    basis = torch.cos((2 * i + 1) * k * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    return basis


def soft_round(x: Tensor) -> Tensor:
    """Rounded; the gradient is that of round(x) + (x - round(x))³ (Shin and Song 2017)."""
    whole = x.detach().round()
    soft = whole + (x - whole) ** 3
    return soft + (whole - soft).detach()


def _quantise(plane: Tensor, steps: Tensor) -> Tensor:
    """One colour plane n×H×W around 0, multiples of 8 -> after the codec, n×H×W."""
    n, height, width = plane.shape
    blocks = plane.view(n, height // 8, 8, width // 8, 8).transpose(2, 3)
    basis = _cosines().to(plane)
    steps = steps.to(plane)
    levels = soft_round(basis @ blocks @ basis.T / steps)
    return (basis.T @ (levels * steps) @ basis).transpose(2, 3).reshape(n, height, width)


def jpeg(quality: int) -> Callable[[Tensor], Tensor]:
    """JPEG with 4:2:0 at this quality, as Pillow writes it."""
    return _jpeg(*_tables(quality))


def jpeg_of(luma: Sequence[int], chroma: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """JPEG with 4:2:0 and these quantisation steps, 64 each, by rows."""
    tables = (torch.tensor(each, dtype=torch.float32).view(8, 8) for each in (luma, chroma))
    return _jpeg(*tables)


def _jpeg(luma: Tensor, chroma: Tensor) -> Callable[[Tensor], Tensor]:
    """JPEG with 4:2:0 and quantisation steps 8×8."""

    def transform(x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % 16, 0, -height % 16), mode="replicate")
        matrix = torch.tensor(TO_YCC).to(x)
        planes = torch.einsum("kc,nchw->nkhw", matrix, x * 255)
        y = _quantise(planes[:, 0] - 128, luma) + 128
        small = F.avg_pool2d(planes[:, 1:], 2)
        small = _quantise(small.flatten(0, 1), chroma).view_as(small)
        colour = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        back = torch.linalg.inv(matrix)
        rgb = torch.einsum("ck,nkhw->nchw", back, torch.cat([y[:, None], colour], 1))
        return (rgb / 255).clamp(0, 1)[:, :, :height, :width]

    return transform


def half(x: Tensor) -> Tensor:
    """Half size, an antialiased cubic; n×3×H×W -> n×3×⌊H/2⌋×⌊W/2⌋."""
    size = (x.shape[2] // 2, x.shape[3] // 2)
    return F.interpolate(x, size=size, mode="bicubic", antialias=True).clamp(0, 1)


def scaled(scale: float) -> Callable[[Tensor], Tensor]:
    """At `scale` times the size, an antialiased cubic; n×3×H×W -> n×3×⌊scale H⌋×⌊scale W⌋."""

    def transform(x: Tensor) -> Tensor:
        size = [max(1, math.floor(scale * side + 1e-6)) for side in x.shape[2:]]
        return F.interpolate(x, size=size, mode="bicubic", antialias=True).clamp(0, 1)

    return transform


def same(x: Tensor) -> Tensor:
    return x
