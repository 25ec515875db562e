"""What many viewers' answers amount to, after ITU-R BT.500-11, Annex 2.

A score is signed: 0 the same, 1 slightly better, 2 better, 3 much better; above 0 for the picture
on the right. Answers to one pair on one picture are a presentation; they are turned so that
above 0 means the second of the pair, whichever side it was on. Numbers only, no pictures.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

SCALE = range(-3, 4)
NORMAL = (2.0, 4.0)  # kurtosis within which answers are taken for normally distributed
NORMAL_LIMIT, OTHER_LIMIT = 2.0, math.sqrt(20)  # standard deviations from the mean
SHARE, BALANCE = 0.05, 0.3  # of answers outside; of how one-sided they are
CONFIDENCE = 1.96  # standard errors of a 95 % interval
FEWEST = 6  # viewers: with fewer nobody can be two standard deviations from the mean


@dataclass(frozen=True)
class Answer:
    """One viewer's score, -3…3, of two kinds of a picture; above 0: the right one is better."""

    viewer: str
    picture: str
    left: str
    right: str
    score: int

    @property
    def presentation(self) -> tuple[str, str, str]:
        """(picture, first kind, second kind), the same whichever side they were on."""
        return (self.picture, *sorted((self.left, self.right)))

    @property
    def turned(self) -> int:
        """The score, above 0 for the second kind of the presentation."""
        return self.score if self.left <= self.right else -self.score


@dataclass(frozen=True)
class Summary:
    """n scores: mean, standard deviation (n - 1), half the width of the 95 % interval of the mean.

    The last two are nan for a single score.
    """

    n: int
    mean: float
    std: float
    interval: float


@dataclass(frozen=True)
class Viewer:
    """How often a viewer was far above (p) and far below (q) the others, of how many answers."""

    name: str
    answers: int
    p: int
    q: int

    @property
    def rejected(self) -> bool:
        """BT.500-11, 2.3.1: too often outside, and on both sides."""
        outside = self.p + self.q
        if outside == 0:
            return False
        return outside / self.answers > SHARE and abs(self.p - self.q) / outside < BALANCE


@dataclass(frozen=True)
class Results:
    """What the answers amount to.

    pairs: (first, second) -> over all pictures, above 0 where the second is better;
    presentations: the same for each picture; viewers; screened: whether there were enough.
    """

    pairs: dict[tuple[str, str], Summary]
    presentations: dict[tuple[str, str, str], Summary]
    viewers: tuple[Viewer, ...]
    screened: bool

    def to_dict(self) -> dict:
        """As JSON; std and interval are null where there is a single answer."""
        return {
            "pairs": [
                {
                    "first": first,
                    "second": second,
                    "n": summary.n,
                    "mean": summary.mean,
                    "std": None if summary.n < 2 else summary.std,
                    "interval": None if summary.n < 2 else summary.interval,
                }
                for (first, second), summary in self.pairs.items()
            ],
            "viewers": [
                {
                    "viewer": viewer.name,
                    "answers": viewer.answers,
                    "p": viewer.p,
                    "q": viewer.q,
                    "rejected": self.screened and viewer.rejected,
                }
                for viewer in self.viewers
            ],
            "screened": self.screened,
        }


def summarise(scores: list[int]) -> Summary:
    n = len(scores)
    mean = sum(scores) / n
    if n == 1:
        return Summary(1, mean, math.nan, math.nan)
    std = math.sqrt(sum((score - mean) ** 2 for score in scores) / (n - 1))
    return Summary(n, mean, std, CONFIDENCE * std / math.sqrt(n))


def kurtosis(scores: list[int]) -> float:
    """Fourth moment over the squared second: 3 for a normal distribution, nan where all agree."""
    mean = sum(scores) / len(scores)
    second = sum((score - mean) ** 2 for score in scores) / len(scores)
    fourth = sum((score - mean) ** 4 for score in scores) / len(scores)
    return fourth / second**2 if second else math.nan


def screen(answers: Iterable[Answer]) -> tuple[Viewer, ...]:
    """Each viewer's count of answers far from the others' (BT.500-11, Annex 2, 2.3.1).

    Where all agree nobody is far from the rest, and nothing is counted.
    """
    presentations: dict[tuple, list[Answer]] = defaultdict(list)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for answer in answers:
        presentations[answer.presentation].append(answer)
    for group in presentations.values():
        scores = [answer.turned for answer in group]
        summary, tails = summarise(scores), kurtosis(scores)
        far = (NORMAL_LIMIT if NORMAL[0] <= tails <= NORMAL[1] else OTHER_LIMIT) * summary.std
        for answer in group:
            count = counts[answer.viewer]
            count[0] += 1
            if far > 0:  # false for nan
                count[1] += answer.turned >= summary.mean + far
                count[2] += answer.turned <= summary.mean - far
    return tuple(Viewer(name, *count) for name, count in sorted(counts.items()))


def analyse(answers: list[Answer]) -> Results:
    """Screen the viewers where there are enough, then mean and deviation of those who remain."""
    viewers = screen(answers)
    screened = len(viewers) >= FEWEST
    rejected = {viewer.name for viewer in viewers if screened and viewer.rejected}
    pairs: dict[tuple, list[int]] = defaultdict(list)
    presentations: dict[tuple, list[int]] = defaultdict(list)
    for answer in answers:
        if answer.viewer not in rejected:
            pairs[answer.presentation[1:]].append(answer.turned)
            presentations[answer.presentation].append(answer.turned)
    return Results(
        pairs={pair: summarise(scores) for pair, scores in sorted(pairs.items())},
        presentations={key: summarise(scores) for key, scores in sorted(presentations.items())},
        viewers=viewers,
        screened=screened,
    )
