"""What a changed picture must leave as it is: labels, or labels and confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError
from .predicted import softmax

TOLERANCE = 0.1  # of a probability
SLACK = 0.1  # by which the log-odds of a label may rise
CEILING = 0.99  # beyond this probability a classifier's log-odds say no more than that it is sure
ROUNDING = 1e-4  # of log-odds, between two runs on the same picture
LEAD = 0.3  # logits by which a label that is worked on shall lead; it holds from the first


@dataclass(frozen=True)
class Aim:
    """The logits P×classes before, which of the P classifiers count, and what is kept of them.

    *Labels*: the top-1 label; with `places` above 1 it need only be among that many first.
    *Confidence* (`keep_confidence`) also: its probability within TOLERANCE, and its evidence, the
    log-odds, not above those before by more than SLACK, unless the classifier is as good as certain
    anyway. *Share* (`share`, in place of that): its probability is at least this share of what it
    was.
    """

    before: np.ndarray
    members: Sequence[int]
    keep_confidence: bool = False
    places: int = 1
    share: float | None = None

    @property
    def labels(self) -> np.ndarray:
        """Top-1 class int64 P."""
        return self.before.argmax(1)

    def holds(self, logits: np.ndarray) -> np.ndarray:
        """float32 N×P×classes -> bool N: whether every member keeps what it must."""
        if self.places == 1:
            held = logits.argmax(2) == self.labels
        else:
            own, rest = self.parted(logits)
            held = own > self.rival(rest)
        if self.keep_confidence or self.share is not None:
            low, high = self.bounds()
            odds = self.odds(logits)
            held &= (odds >= low) & (odds <= high)
        return held[:, list(self.members)].all(1)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The log-odds, P, between which a label's are to stay."""
        before = self.odds(self.before[None])[0]
        probability = 1 / (1 + np.exp(-before))
        if self.share is not None:
            low = np.minimum(logit(self.share * probability), before - ROUNDING)
            return low, np.full_like(low, np.inf)
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
        confidence is kept, to the middle of its bounds from either side, or LEAD above its least.
        """
        own, rest = (each[0] for each in self.parted(logits[None]))
        lead = own - self.rival(rest)
        wanted = np.where(lead < LEAD, 2 * LEAD - lead, 0.0)
        if self.share is not None:
            missing = self.bounds()[0] - self.odds(logits[None])[0]
            wanted = np.where(missing >= 0, np.maximum(missing + LEAD, wanted), wanted)
        elif self.keep_confidence:
            low, high = self.bounds()
            odds = self.odds(logits[None])[0]
            middle = (low + high) / 2
            wanted = np.where(odds <= low, np.maximum(middle - odds, wanted), wanted)
            wanted = np.where(odds >= high, middle - odds, wanted)
        wanted[[n for n in range(len(wanted)) if n not in set(self.members)]] = 0
        return wanted

    def rival(self, rest: np.ndarray) -> np.ndarray:
        """The logit above which a label is among the first `places`: …×classes -> …

        rest: the logits with -inf in the label's place.
        """
        place = min(self.places, rest.shape[-1])
        return np.partition(rest, -place, -1)[..., -place]

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


KEEP = ("top1", "top5", "confidence:X")  # words of `parse_keep`


def parse_keep(word: str) -> tuple[int, float | None]:
    """What to keep, in a word -> `places` and `share` of an `Aim`. Raises UsageError.

    top1: each label; top5: each label among the five most likely; confidence:0.8: each label, with
    at least 0.8 of its probability.
    """
    if word in ("top1", "top5"):
        return int(word[3:]), None
    name, _, number = word.partition(":") if isinstance(word, str) else ("", "", "")
    try:
        share = float(number)
    except ValueError:
        share = 0.0
    if name != "confidence" or not 0 < share <= 1:
        raise UsageError(f"no keep {word!r}: choose from {', '.join(KEEP)}, X above 0 and up to 1")
    return 1, share
