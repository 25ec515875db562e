"""A face to cloak, what becomes of it, and where it stands in between. No torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chip import Chip
from .faces import Face
from .gallery import Goal
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
    the last attempt where not, the photo itself where nothing was found. verdict: on these bytes.
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
    """Where a cloak stands: the attempt, gradient steps so far, pictures that hold so far."""

    attempt: int
    steps: int
    found: int
    total: int


@dataclass
class Work:
    """A job under way.

    views: version and alignment that the next attempt must deceive; pixels, png, verdict: of the
    last one, the verdict None where the port saw that it failed; found: whether it deceived all
    its views; knob, failed: as `engine.attack.search.Earlier` has them.
    """

    job: Job
    sight: Sight
    views: list[tuple[str, Chip]]
    pixels: np.ndarray
    png: bytes
    grey: bool
    verdict: Verdict | None = None
    found: bool = True
    attempts: int = 0
    gradients: int = 0
    knob: float = 0.0
    failed: float = 0.0

    @property
    def kind(self) -> tuple:
        """Works of one kind can advance together."""
        return self.grey, tuple(name for name, _ in self.views)

    @property
    def reached(self) -> bool:
        return self.verdict is not None and self.verdict.reached

    def learn(self, looks: list[Look]) -> None:
        """Add the alignments in which the last attempt failed, those that are new.

        Where the port sees no failure, it was dlib's recogniser: all are added then.
        """
        goal = self.job.goal
        failed = [seen for seen in looks if not goal.reached(seen.port)]
        for seen in failed or looks:
            known = [chip for name, chip in self.views if name == seen.version]
            if not any(seen.face.chip.same(chip) for chip in known):
                self.views.append((seen.version, seen.face.chip))
        self.views.sort(key=lambda view: LASTING.index(view[0]))


def is_grey(pixels: np.ndarray) -> bool:
    """Whether uint8 H×W×3 is black and white."""
    return bool((pixels == pixels[:, :, :1]).all())


def alike(works: list[Work]) -> list[list[Work]]:
    """Works sorted into batches of one kind, in the order in which the kinds appear."""
    batches: dict[tuple, list[Work]] = {}
    for work in works:
        batches.setdefault(work.kind, []).append(work)
    return list(batches.values())
