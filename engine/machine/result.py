"""What a machine JND is: the pictures, the labels before and after, and the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..metrics.decibels import decibels, finite
from ..panels.predicted import LabelChange


@dataclass(frozen=True)
class MachineResult:
    """A distortion that keeps the panel's labels, at h×w: the picture's size, or the panel's.

    original, distorted: uint8 h×w×3 sRGB 0…255. change: float32 h×w×3, the scaled E in units of
    0…1 (so -0.5…0.5), before clipping. cam: float32 h×w in 0…1, the mean of the classifiers'
    maps (eq. 2). png: the distorted picture as the bytes of a PNG file, the ones verified.
    psnr_db: of the distorted picture, clipped and rounded to 8 bits; psnr_unclipped_db: of
    x + scale·E before that; both inf where nothing changed. rca: share of classifiers that keep
    their label (eqs 16-17). changed_share: share of pixels with any channel changed. scale: the
    factor on E, 0…1; strength: the generator's input. members: the classifiers that had to keep
    their label; verified: they do on the decoded png. size: (width, height) of the input picture,
    panel_size: at which the panel is given it; for a panel of your own, at which the change is
    made, and the notes say at which each classifier is given it. panel: its name. `cifar10` shrinks
    the picture to its size, others leave it at its own; the cam of your own is the one of `photos`.
    """

    original: np.ndarray
    distorted: np.ndarray
    change: np.ndarray
    cam: np.ndarray
    png: bytes
    labels: tuple[LabelChange, ...]
    psnr_db: float
    psnr_unclipped_db: float
    rca: float
    changed_share: float
    strength: float
    scale: float
    members: tuple[str, ...]
    verified: bool
    size: tuple[int, int]
    panel_size: tuple[int, int]
    notes: tuple[str, ...]
    panel: str = "cifar10"
    keep_confidence: bool = False

    @cached_property
    def jnd_map(self) -> np.ndarray:
        """uint8 h×w×3: the change before clipping, drawn around grey (128 = none, 1 = -0.5)."""
        levels = 254 * self.change
        levels += 128
        return np.rint(np.clip(levels, 0, 255, out=levels), out=levels).astype(np.uint8)

    @property
    def summary(self) -> str:
        """One line: how much was changed and how many classifiers keep their label."""
        same = sum(label.same for label in self.labels)
        return (
            f"PSNR {decibels(self.psnr_db)} clipped and 8-bit, "
            f"{decibels(self.psnr_unclipped_db)} unclipped · {self.changed_share:.1%} of the "
            f"pixels changed · {same} of {len(self.labels)} classifiers keep their label "
            f"· strength {self.strength:.3g}, of which {self.scale:.1%} hold"
            + (" · verified" if self.verified else "")
        )

    def to_dict(self) -> dict:
        """As JSON. Sizes are [width, height]; a PSNR of null means no change."""
        return {
            "size": list(self.size),
            "panel": self.panel,
            "panel_size": list(self.panel_size),
            "psnr_db": finite(self.psnr_db),
            "psnr_unclipped_db": finite(self.psnr_unclipped_db),
            "rca": self.rca,
            "changed_share": round(self.changed_share, 6),
            "strength": self.strength,
            "keep_confidence": self.keep_confidence,
            "scale": round(self.scale, 6),
            "verified": self.verified,
            "labels": [label.to_dict() for label in self.labels],
            "notes": list(self.notes),
        }
