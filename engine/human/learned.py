"""HVS-SD, the learned model: one ONNX graph from the picture to absolute thresholds, in tiles."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ..images.picture import to_batch
from ..models import registry
from ..models.session import Session, open_session

TILE = 384  # pixels of a tile's core, both ways; larger ones need more memory and little less time
GRID = 4  # tiles begin at multiples of this, as the network's strides do


class HvsSd:
    """The loaded graph; call it on a picture. Raises WeightsError, DeviceError.

    After Jin et al., "HVS-inspired signal degradation network for just noticeable difference
    estimation", arXiv 2208.07583 (2022). As there, a compression autoencoder stands for what is
    lost between eye and brain, its attention maps and the picture go into a small network, and
    noise ±J is judged by a mix of quality measures. What is ours: a branch stands in for the maps;
    J is held at one visibility by ColorVideoVDP, and so is absolute, where the paper's is relative;
    ColorVideoVDP also takes the place of DISTS and FSIM in the mix; the shares of R, G and B are
    bounded (see `engine.networks.hvs`).
    """

    def __init__(self, *, weights: str | None = None, device: str = "auto", tile: int = TILE):
        self.session: Session = open_session(registry.HUMAN, weights=weights, device=device)
        self.session.expect({"image"}, ("threshold",))
        self.margin: int = self.session.contract["margin"]
        self.tile = tile

    @property
    def description(self) -> str:
        """One line: where it runs and why, and with which weights."""
        located = self.session.located
        return (
            f"{self.session.placement}; {located.origin} weights: "
            f"{located.path.stem} {located.sha256[:8]}"
        )

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 H×W×3 sRGB -> thresholds float32 H×W×3 in 8-bit levels, finite and ≥ 0."""
        return in_tiles(lambda x: self.session.run(image=x)[0], pixels, self.margin, self.tile)


def in_tiles(
    network: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray, margin: int, tile: int = TILE
) -> np.ndarray:
    """A picture's thresholds from a network of limited sight: uint8 H×W×3 -> float32, in levels.

    network: float32 1×3×h×w in 0…1 -> thresholds of the same shape on that scale; margin: how far
    it sees; tile: pixels of a tile's core, both ways. The picture is reflected around its border,
    as far as the network sees, and worked on in tiles that see as much of each other: no border
    and no seams. The strides of the network count from the left edge of a tile, those of the
    mirrored tile, over which it averages, from the right one: both edges are whole strides from
    the picture's.
    """
    height, width = pixels.shape[:2]
    result = np.empty((height, width, 3), np.float32)
    padded = np.pad(
        pixels,
        ((margin, margin + -height % GRID), (margin, margin + GRID), (0, 0)),
        mode="symmetric",
    )
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            rows, columns = min(tile, height - top), min(tile, width - left)
            piece = padded[
                top : top + rows + -rows % GRID + 2 * margin,
                left : left + columns + (width - left - columns) % GRID + 2 * margin,
            ]
            threshold = network(to_batch(piece[None]))
            core = threshold[0, :, margin : margin + rows, margin : margin + columns]
            result[top : top + rows, left : left + columns] = core.transpose(1, 2, 0)
    result *= 255
    return result


@lru_cache(maxsize=2)
def load(weights: str | None = None, device: str = "auto") -> HvsSd:
    """An `HvsSd`, loaded once per choice of weights and device."""
    return HvsSd(weights=weights, device=device)
