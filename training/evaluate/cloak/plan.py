"""The rows of the cloak's table: which methods, under which protocol, with which budget.

Three protocols. closed-set: a gallery of the people, be identified as another (targeted: as a given
one). dodging: distance above 0.6 to every enrolled photo of the person (targeted: below it to one
of another person). lasting: dodging that also holds for JPEG 75, half size, and half size with
JPEG 80, by Pillow's encoder. The last two also `own`: dodging the very photo that is cloaked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.attack.methods import ABLATED, ABLATIONS, METHODS
from engine.attack.methods import method as method_row
from engine.attack.problem import Method
from engine.faces.gallery import Gallery, Identity, Matching
from engine.models.registry import HUMAN, HUMAN_DEFAULT, HUMAN_NAMES

from ...data.lfw import Subject
from ...records.versions import STANDING

SEED = 0
BATCH = 10  # photos that advance together; a batch is done whole or not at all
MAIN = tuple(name for name in METHODS if name not in ABLATED)
ENDURING = ("ours", "pgd", "ddn")  # whose cloak of the very photo is also to last
ITSELF = ("ours", "fmn", "pgd")  # that also dodge the very photo
FEW = 20  # photos of the ablations and of the comparison of JND models
SAMPLED = ("ours", "ours-jnd", "paper", "advjnd")  # whose loss or step has J in it
TIMED = ("ours", "paper", "cw", "ddn", "fmn", "pgd")  # whose latency is measured
TIMED_PHOTOS = 5
PROTOCOLS = (("closed-set", False), ("closed-set", True), ("dodging", False), ("lasting", False))


def default_jnd(method: str) -> str:
    """The eye of the paper's method is the paper's, everyone else's the engine's default."""
    return HUMAN if method == "paper" or method in ABLATIONS else HUMAN_DEFAULT


@dataclass(frozen=True)
class Row:
    """One line of the table: a method under a protocol, with a model of the eye, on n photos.

    jnd: used by the methods whose loss or step has a J: ours, the paper's, AdvJND. sample:
    measured with the JND as it is, beside a row of an earlier version of it that stands
    (`training.records.versions`).
    """

    method: str
    protocol: str
    targeted: bool = False
    jnd: str = HUMAN_DEFAULT
    photos: int | None = None  # None: all
    own: bool = False  # dodge the photo itself, as `python -m engine cloak` does, not others
    sample: bool = False

    @property
    def name(self) -> str:
        parts = [self.protocol, *["own"] * self.own, self.method, *["targeted"] * self.targeted]
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

    def goal(
        self, gallery: Gallery, subjects: list[Subject], number: int, own: np.ndarray
    ) -> Identity | Matching:
        """Of the photo of that number, whose descriptor is `own`, float32 128."""
        subject = subjects[number]
        if self.protocol == "closed-set":
            targets = derangement(len(gallery.names))
            aim = int(targets[subject.label]) if self.targeted else subject.label
            return Identity(gallery, aim, self.targeted)
        if self.targeted:
            other = subjects[derangement(len(subjects))[number]]
            return Matching(other.enrolled, targeted=True)
        return Matching(own[None] if self.own else subject.enrolled)


def row(
    method: str,
    protocol: str,
    targeted: bool = False,
    photos: int | None = None,
    own: bool = False,
) -> Row:
    return Row(method, protocol, targeted, default_jnd(method), photos, own)


def plan() -> list[Row]:
    """All rows, the most wanted first."""
    rows = []
    for protocol, targeted in PROTOCOLS:
        rows += [row(name, protocol, targeted) for name in reversed(MAIN)]
    rows += itself()
    rows += [row(name, "dodging", targeted=True) for name in ("ours", "fmn")]
    rows += [row("ours-unshaved", "closed-set")]
    # Some again, on those photos only: read from the batches that are done already.
    again = ("ours", "paper", "fmn", "advjnd")
    rows += [row(name, "closed-set", photos=FEW) for name in (*again, *ABLATED)]
    others = [name for name in HUMAN_NAMES if name != HUMAN]
    rows += [Row("paper", "closed-set", jnd=name, photos=FEW) for name in others]
    return rows + sampled()


def sampled() -> list[Row]:
    """The rows that show what a new version of a JND changes, as long as an earlier one stands."""
    if not STANDING:
        return []
    few = [row(name, "closed-set", photos=FEW) for name in SAMPLED]
    lacking = [each for each in few if each.method == "ours-jnd"]  # has no such row else
    return lacking + [replace(each, sample=True) for each in few]


def itself() -> list[Row]:
    """The rows whose goal is the command line's."""
    rows = [row(name, "dodging", own=True) for name in ITSELF]
    return rows + [row(name, "lasting", own=True) for name in ENDURING]


def timed() -> list[Row]:
    """The rows whose latency is measured: the main methods, non-targeted."""
    return [row(name, "closed-set") for name in TIMED] + itself()


def derangement(count: int) -> np.ndarray:
    """A target for each person, never the person: int64 count."""
    order = np.random.default_rng(SEED).permutation(count)
    target = np.empty(count, np.int64)
    target[order] = np.roll(order, 1)
    return target
