"""What a machine JND must leave as it is: labels, or labels and confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .predicted import softmax

TOLERANCE = 0.1  # of a probability
SLACK = 0.1  # by which the log-odds of a label may rise
CEILING = 0.99  # beyond this probability a classifier's log-odds say no more than that it is sure
LEAD = 0.3  # logits by which a label that is worked on shall lead; it holds from the first


@dataclass(frozen=True)
class Aim:
    """The logits P×classes before, which of the P classifiers count, and what is kept of them.

    *Labels*: the top-1 label. *Confidence* (`keep_confidence`) also: its probability within
    TOLERANCE, and its evidence, the log-odds, not above those before by more than SLACK, unless
    the classifier is as good as certain anyway.
    """

    before: np.ndarray
    members: Sequence[int]
    keep_confidence: bool = False

    @property
    def labels(self) -> np.ndarray:
        """Top-1 class int64 P."""
        return self.before.argmax(1)

    def holds(self, logits: np.ndarray) -> np.ndarray:
        """float32 N×P×classes -> bool N: whether every member keeps what it must."""
        held = logits.argmax(2) == self.labels
        if self.keep_confidence:
            low, high = self.bounds()
            odds = self.odds(logits)
            held &= (odds >= low) & (odds <= high)
        return held[:, list(self.members)].all(1)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The log-odds, P, between which a label's are to stay."""
        before = self.odds(self.before[None])[0]
        probability = 1 / (1 + np.exp(-before))
        low = logit(np.maximum(probability - TOLERANCE, 1e-3))
        sure = probability >= 1 - TOLERANCE
        return low, np.maximum(before + SLACK, np.where(sure, logit(CEILING), -np.inf))

    def odds(self, logits: np.ndarray) -> np.ndarray:
        """log p / (1 - p) of each label: N×P×classes -> N×P."""
        own, rest = self.parted(logits)
        largest = rest.max(2)
        return own - largest - np.log(np.exp(rest - largest[..., None]).sum(2))

    def slopes(self, logits: np.ndarray) -> np.ndarray:
        """The gradient of each member's log-odds by its logits, P×classes; zero for the others."""
        _, rest = (each[0] for each in self.parted(logits[None]))
        slopes = -softmax(rest)
        slopes[np.arange(len(slopes)), self.labels] = 1
        slopes[[n for n in range(len(slopes)) if n not in set(self.members)]] = 0
        return slopes.astype(np.float32)

    def wanted(self, logits: np.ndarray) -> np.ndarray:
        """By how much each member's log-odds are to change: of logits P×classes, P.

        Zero where all is well. Upwards where the label is lost or, by LEAD, close to it; where the
        confidence is kept, to the middle of its bounds from either side.
        """
        own, rest = (each[0] for each in self.parted(logits[None]))
        lead = own - rest.max(1)
        wanted = np.where(lead < LEAD, 2 * LEAD - lead, 0.0)
        if self.keep_confidence:
            low, high = self.bounds()
            odds = self.odds(logits[None])[0]
            middle = (low + high) / 2
            wanted = np.where(odds <= low, np.maximum(middle - odds, wanted), wanted)
            wanted = np.where(odds >= high, middle - odds, wanted)
        wanted[[n for n in range(len(wanted)) if n not in set(self.members)]] = 0
        return wanted

    def parted(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The label's logit N×P, and all logits N×P×classes with -inf in its place."""
        place = np.broadcast_to(self.labels[None, :, None], (*logits.shape[:2], 1))
        own = np.take_along_axis(logits, place, 2)[..., 0]
        rest = logits.copy()
        np.put_along_axis(rest, place, -np.inf, 2)
        return own, rest


def logit(probability: np.ndarray) -> np.ndarray:
    """log p / (1 - p), finite at 1."""
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))
