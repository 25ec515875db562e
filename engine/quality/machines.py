"""Machine quality: which machines keep their label of a changed picture, and the odds for others.

The share of machines that keep their label is the satisfied machine ratio (Zhang et al.,
"Perceptual video coding for machines via satisfied machine ratio modeling", 2022). For a machine
that was not asked it is estimated from the evidence that those asked have left: the log-odds of the
label, whose threshold is where other labels overtake it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from ..arguments import check_placement
from ..errors import ImageError
from ..images.picture import Picture, as_picture
from ..machine.jnd import candidates, panel_for
from ..models import registry
from ..panels.embedded import Panel
from ..panels.naming import Several, parse
from ..panels.own import OwnPanel, load_panel
from ..panels.predicted import LabelChange

# P(a machine not asked keeps its label) = logistic(OFFSET + SLOPE · the mean evidence left).
# Fitted on 40 photos of photos240 under 50 distortions, each member of the panel by the others.
OFFSET, SLOPE = 1.45, 0.9


@dataclass(frozen=True)
class MachineQuality:
    """What machines make of a changed picture.

    labels: of each machine asked, before and after; evidence: log-odds of its label of the
    reference after the change, and lost: the share of its way to the threshold that the change
    took it, 1 and more where the label is lost; both in the order of labels. keep: estimated
    probability that a machine that was not asked keeps its label, and drop: by how much its
    probability is expected to fall, below 0 where it rises.
    """

    labels: tuple[LabelChange, ...]
    evidence: tuple[float, ...]
    lost: tuple[float, ...]
    keep: float
    drop: float
    panel: str

    @property
    def smr(self) -> float:
        """The satisfied machine ratio: the share of the machines asked that keep their label."""
        return sum(label.same for label in self.labels) / len(self.labels)

    def to_dict(self) -> dict:
        """As JSON."""
        return {
            "panel": self.panel,
            "smr": round(self.smr, 6),
            "keep": round(self.keep, 6),
            "drop": round(self.drop, 6),
            "machines": [
                {**label.to_dict(), "evidence": round(left, 4), "lost": round(lost, 4)}
                for label, left, lost in zip(self.labels, self.evidence, self.lost, strict=True)
            ],
        }


def estimated(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(keep, drop) of a machine not asked, from the logits of those that were.

    before, after: float N×P×classes of N pairs -> two of float N.
    """
    own = before.argmax(2)
    was, left = log_odds(before, own), log_odds(after, own)
    keep = 1 / (1 + np.exp(-(OFFSET + SLOPE * left.mean(1))))
    fall = 1 / (1 + np.exp(-was)) - 1 / (1 + np.exp(-left))
    return keep, fall.mean(1)


def log_odds(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """log p / (1 - p) of labels N×P: of logits N×P×classes, float N×P."""
    own, rest = parted(logits, labels)
    return own - logsumexp(rest, axis=2)


def leads(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """By how much each label N×P is ahead, N×P; below 0 where another one is."""
    own, rest = parted(logits, labels)
    return own - rest.max(2)


def parted(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels' logits N×P, and all logits N×P×classes with -inf in their place."""
    place = labels[..., None]
    rest = logits.copy()
    np.put_along_axis(rest, place, -np.inf, 2)
    return np.take_along_axis(logits, place, 2)[..., 0], rest


def compared(panel: Panel | OwnPanel, reference: np.ndarray, changed: np.ndarray) -> MachineQuality:
    """A loaded panel's answers about two pictures uint8 H×W×3, of any sizes."""
    before, after = (panel.logits_of(each[None]) for each in (reference, changed))
    own = before.argmax(2)
    lead = leads(before, own)[0]
    lost = (lead - leads(after, own)[0]) / np.maximum(lead, 1e-6)
    keep, drop = estimated(before, after)
    return MachineQuality(
        labels=panel.label_changes(before[0], after[0]),
        evidence=tuple(map(float, log_odds(after, own)[0])),
        lost=tuple(map(float, lost)),
        keep=float(keep[0]),
        drop=float(drop[0]),
        panel=panel.name,
    )


def check_sizes(reference: Picture, changed: Picture) -> None:
    """Raise ImageError where two pictures are of different sizes."""
    if reference.size != changed.size:
        sizes = " and ".join(
            f"{width}×{height}" for width, height in (reference.size, changed.size)
        )
        raise ImageError(f"the pictures are {sizes}: give two of the same size")


def asked(
    panel: Several,
    size: tuple[int, int],
    *,
    labels: Several | None = None,
    input_range: str | Sequence[str] | None = None,
    weights: str | None = None,
    device: str = "auto",
) -> Panel | OwnPanel:
    """The panel for a picture of (width, height), loaded. Arguments as of `machine_quality`."""
    names = candidates(parse(panel, labels, input_range), registry.BEST, weights)
    return load_panel(panel_for(size, names), weights, device)


def machine_quality(
    reference: object,
    changed: object,
    *,
    panel: Several = registry.AUTO,
    labels: Several | None = None,
    input_range: str | Sequence[str] | None = None,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
) -> MachineQuality:
    """Which machines keep their label of a picture, and how likely one is to that was not asked.

    reference, changed: a path, a Pillow picture, or an array uint8 H×W×3 or H×W, of one size.
    panel, labels, input_range, weights and device: as `engine.machine_jnd` takes them; the machines
    that are asked. Raises ImageError, WeightsError, DeviceError, UsageError, SetupError.
    """
    check_placement(weights, device)
    first, second = as_picture(reference), as_picture(changed)
    check_sizes(first, second)
    place = None if weights is None else str(weights)
    machines = asked(
        panel, first.size, labels=labels, input_range=input_range, weights=place, device=device
    )
    return compared(machines, first.pixels, second.pixels)
