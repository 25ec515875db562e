"""The rows of the cloak's table: which methods, under which protocol, with which budget.

Three protocols. closed-set: a gallery of the people, be taken for another (targeted: for a given
one). dodging: distance above 0.6 to every enrolled photo of the person. lasting: dodging that
also holds for JPEG 75, half size, and half size with JPEG 80, by real codecs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.attack.methods import ABLATED, ABLATIONS, METHODS
from engine.attack.methods import method as method_row
from engine.attack.search import Method
from engine.gallery import Gallery, Identity, Matching
from engine.jobs import Job
from engine.models import HUMAN
from engine.options import HUMAN_DEFAULT, HUMAN_NAMES
from engine.sight import Sight

from .lfw import Subject

SEED = 0
BATCH = 10  # photos that advance together; a batch is done whole or not at all
MAIN = tuple(name for name in METHODS if name not in ABLATED)
ENDURING = ("ours", "pgd", "ddn")  # under lasting, which takes four times as long, on all photos
ON_FEW = ("fmn", "perc-al", "bim", "di2-fgsm", "paper")  # under lasting, on the first
FEW = 20  # photos of those, of ablations and of the comparison of JND models
TIMED = ("ours", "paper", "cw", "ddn", "fmn", "pgd")  # whose latency is measured
TIMED_PHOTOS = 3
PROTOCOLS = (("closed-set", False), ("closed-set", True), ("dodging", False))


def default_jnd(method: str) -> str:
    """The eye of the paper's method is the paper's, everyone else's the engine's default."""
    return HUMAN if method == "paper" or method in ABLATIONS else HUMAN_DEFAULT


@dataclass(frozen=True)
class Row:
    """One line of the table: a method under a protocol, with a model of the eye, on n photos.

    jnd: heeded by the methods whose loss or step has a J: ours, the paper's, AdvJND.
    """

    method: str
    protocol: str
    targeted: bool = False
    jnd: str = HUMAN_DEFAULT
    photos: int | None = None  # None: all

    @property
    def name(self) -> str:
        parts = [self.protocol, self.method] + ["targeted"] * self.targeted
        return "-".join([*parts, *[self.jnd] * (self.jnd != default_jnd(self.method))])

    def choices(self, targeted: bool) -> Method:
        """The method's row. C&W has its full budget in the paper's protocol, else a quarter."""
        chosen = method_row(self.method, targeted)
        if self.method == "cw" and (self.protocol, self.targeted) != ("closed-set", False):
            return replace(chosen, tuning=replace(chosen.tuning, rounds=chosen.tuning.rounds // 4))
        return chosen

    @property
    def budget(self) -> dict[str, int]:
        """At most so many rounds, each of at most so many steps, `again` in later attempts."""
        chosen = self.choices(self.targeted)
        again = chosen.again or chosen.steps
        return {"rounds": chosen.tuning.rounds, "steps": chosen.steps, "again": again}

    def goal(self, gallery: Gallery, subject: Subject) -> Identity | Matching:
        if self.protocol != "closed-set":
            return Matching(subject.enrolled)
        targets = derangement(len(gallery.names))
        aim = int(targets[subject.label]) if self.targeted else subject.label
        return Identity(gallery, aim, self.targeted)

    def job(self, gallery: Gallery, subject: Subject, sight: Sight) -> Job:
        return Job(subject.pixels, subject.face, self.goal(gallery, subject), sight)


def row(method: str, protocol: str, targeted: bool = False, photos: int | None = None) -> Row:
    return Row(method, protocol, targeted, default_jnd(method), photos)


def plan() -> list[Row]:
    """All rows, the most wanted first."""
    rows = [row(name, "lasting") for name in ENDURING]
    for protocol, targeted in PROTOCOLS:
        rows += [row(name, protocol, targeted) for name in reversed(MAIN)]
    rows += [row(name, "lasting", photos=FEW) for name in ON_FEW]
    # Ours and the paper's again, on those photos only: read from the batches that are done already.
    rows += [row(name, "closed-set", photos=FEW) for name in ("ours", "paper", *ABLATED)]
    others = [name for name in HUMAN_NAMES if name != HUMAN]
    return rows + [Row("paper", "closed-set", jnd=name, photos=FEW) for name in others]


def derangement(count: int) -> np.ndarray:
    """A target for each person, never the person: int64 count."""
    order = np.random.default_rng(SEED).permutation(count)
    target = np.empty(count, np.int64)
    target[order] = np.roll(order, 1)
    return target
