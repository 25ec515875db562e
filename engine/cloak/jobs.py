"""A face to cloak, what becomes of it, and where it stands in between. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..faces.chip import Chip
from ..faces.finder import Face
from ..faces.gallery import Goal
from .sight import Sight
from .verdict import LASTING, Look, Verdict


@dataclass(frozen=True)
class Job:
    """One face to cloak: its photo uint8 H×W×3, where it is, what is to be reached.

    sight: the eye's threshold of the photo where it is known already, else the cloak's.
    """

    pixels: np.ndarray
    face: Face
    goal: Goal
    sight: Sight | None = None


@dataclass(frozen=True)
class Cloaked:
    """What became of a job.

    pixels uint8 H×W×3 and png, its file's bytes: the cloaked photo where the verdict is reached,
    the last attempt where not, what came closest where nothing was found. verdict: on these bytes.
    attempts, gradients: how many; seconds: of the batch, shared out by gradients.
    """

    pixels: np.ndarray
    png: bytes
    verdict: Verdict
    attempts: int
    gradients: int
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where a cloak stands: the attempt, gradient steps so far, pictures that hold so far.

    share: of the attempt's steps, at most, that are done, 0…1.
    """

    attempt: int
    steps: int
    found: int
    total: int
    share: float


@dataclass
class Work:
    """A job under way.

    views: version and alignment that the next attempt must deceive; known: all of them so far.
    pixels, png, verdict: of the last attempt that deceived its views, the verdict None where the
    port saw that it failed. fresh: the next attempt begins anew; hopeless: there is none. knob,
    low: as `engine.attack.loop.Earlier` has them.
    """

    job: Job
    sight: Sight
    views: list[tuple[str, Chip]]
    pixels: np.ndarray
    png: bytes
    grey: bool
    known: list[tuple[str, Chip]] = field(default_factory=list)
    verdict: Verdict | None = None
    fresh: bool = True
    hopeless: bool = False
    attempts: int = 0
    gradients: int = 0
    knob: float = 0.0
    low: float = 0.0

    @property
    def kind(self) -> tuple:
        """Works of one kind can advance together."""
        return self.grey, self.fresh, tuple(name for name, _ in self.views)

    @property
    def reached(self) -> bool:
        return self.verdict is not None and self.verdict.reached

    def miss(self, resumed: bool) -> None:
        """After an attempt that did not deceive its views: once more from the beginning, if ever.

        An attempt that began anew is the last one, for the next would be harder.
        """
        self.fresh, self.hopeless = True, not resumed
        self.views = in_order(self.known or self.views)

    def learn(self, looks: list[Look], resumed: bool) -> None:
        """Set the views of the next attempt, after one that failed.

        Where that begins at this picture (`resumed`), it first has to deceive the alignment that
        was found in it, in place of the one before: the next picture is much like it. If that
        fails too, or the attempt begins anew, all alignments so far. Where the port sees no
        failure, it was dlib's recogniser: every version counts as failed then.
        """
        goal = self.job.goal
        failed = [seen for seen in looks if not goal.reached(seen.port)] or looks
        latest = dict(self.views) | {seen.version: seen.face.chip for seen in failed}
        self.known = self.known or list(self.views)
        for seen in failed:
            chips = [chip for name, chip in self.known if name == seen.version]
            if not any(seen.face.chip.same(chip) for chip in chips):
                self.known.append((seen.version, seen.face.chip))
        once_more = resumed and self.attempts == 1
        self.views = in_order(list(latest.items()) if once_more else self.known)


def in_order(views: list[tuple[str, Chip]]) -> list[tuple[str, Chip]]:
    return sorted(views, key=lambda view: LASTING.index(view[0]))


def is_grey(pixels: np.ndarray) -> bool:
    """Whether uint8 H×W×3 is black and white."""
    return bool((pixels == pixels[:, :, :1]).all())


def alike(works: list[Work]) -> list[list[Work]]:
    """Works sorted into batches of one kind, in the order in which the kinds appear."""
    batches: dict[tuple, list[Work]] = {}
    for work in works:
        batches.setdefault(work.kind, []).append(work)
    return list(batches.values())
