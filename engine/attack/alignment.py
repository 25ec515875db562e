"""Face chips as a differentiable function of the full-resolution photo.

The pixels that dlib's `extract_image_chips` gives, by an affine grid and, for large faces, the
same image pyramid, so that a gradient at the chip flows back to every pixel of the photo. A chip is
S×S pixels, by its framing: 150 for dlib's recogniser (`engine.faces.recognisers` has the others).
Needs torch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.chip import Chip

BINOMIAL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16


def truncated(x: Tensor) -> Tensor:
    """x in 0…1, cut to whole 8-bit levels as dlib stores it; the gradient is the identity's."""
    levels = torch.floor(x.detach() * 255 + 1e-3)  # a level that is whole but for rounding stays
    return x + (levels / 255 - x.detach())


def halve(x: Tensor) -> Tensor:
    """n×3×H×W -> n×3×(H-3)//2×(W-3)//2: 5×5 binomial filter, every second row and column."""
    kernel = BINOMIAL.to(x)
    rows = F.conv2d(x, kernel.view(1, 1, 1, 5).expand(3, 1, 1, 5), stride=(1, 2), groups=3)
    both = F.conv2d(rows, kernel.view(1, 1, 5, 1).expand(3, 1, 5, 1), stride=(2, 1), groups=3)
    return truncated(both[:, :, : (x.shape[2] - 3) // 2, : (x.shape[3] - 3) // 2])


def sample(x: Tensor, matrices: Tensor, side: int) -> Tensor:
    """Bilinear samples at the chips' pixels: x n×3×H×W, matrices n×2×3 -> n×3×side×side.

    A matrix takes a chip's pixel (x, y, 1) to a pixel of x. A place without four neighbours in x
    is black, as in dlib.
    """
    height, width = x.shape[2:]
    steps = torch.arange(side, dtype=matrices.dtype, device=x.device)
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    pixels = torch.stack([columns, rows, torch.ones_like(rows)], -1)  # S×S×3
    places = torch.einsum("rck,nik->nrci", pixels, matrices)  # n×S×S×2, in pixels
    limit = torch.tensor([width - 1, height - 1], dtype=places.dtype, device=x.device)
    inside = ((places >= 0) & (places < limit)).all(3)[:, None]
    grid = (2 * places / limit - 1).to(x.dtype)
    return truncated(F.grid_sample(x, grid, align_corners=True) * inside)


def extract(x: Tensor, chips: list[Chip]) -> Tensor:
    """The chips of n photos, equally large ones: n×3×H×W -> n×3×S×S, one per photo.

    The values are whole 8-bit levels, cut as dlib cuts them; the gradient passes through.
    Where x are equally large parts of photos, `Chip.within` gives the place of a chip in its part.
    """
    if not any(chip.levels for chip in chips):
        matrices = torch.stack([torch.from_numpy(chip.matrix) for chip in chips])
        matrices[:, :, 2] += torch.tensor([chip.box[:2] for chip in chips])
        return sample(x, matrices.to(x.device), chips[0].pixels)
    samples = []
    for row, chip in enumerate(chips):
        left, top, right, bottom = chip.box
        part = x[row : row + 1, :, top:bottom, left:right]
        for _ in range(chip.levels):
            part = halve(part)
        matrix = torch.from_numpy(chip.matrix)[None].to(x.device)
        samples.append(sample(part, matrix, chip.pixels))
    return torch.cat(samples)
