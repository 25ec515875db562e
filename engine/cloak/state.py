"""One face on its way to a cloak: its goal, the views the next attempt must fool, what holds.

No PyTorch: `engine.cloak.face` searches, this keeps account.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..faces.chip import Chip
from ..faces.finder import Face
from ..faces.gallery import Goal
from ..images.parts import Box
from ..images.picture import encode_png
from ..system.progress import Progress
from .judge.verdict import Look, Verdict
from .judge.versions import VERSIONS
from .threshold import ThresholdMap

ORDER = tuple(VERSIONS)
MUCH = 0.25  # of the size judged last, at which what was found since is worth another verdict


@dataclass(frozen=True)
class CloakProgress(Progress):
    """Where a cloak stands: the attempt, gradient steps so far, faces that hold so far.

    share: of the attempt's steps, at most, that are done, 0…1.
    """

    attempt: int
    steps: int
    found: int
    total: int

    @property
    def holds(self) -> bool:
        """Whether every face does."""
        return self.found == self.total


@dataclass(frozen=True)
class Held:
    """A photo that was judged to hold; size: of its change, by the method's measure."""

    pixels: np.ndarray
    verdict: Verdict
    size: float


@dataclass
class FaceState:
    """One face of a photo uint8 H×W×3, what is to be reached, and what is reached.

    threshold: the photo's; whole: where that is a part of a larger one, this and the part; moved:
    the photo was changed since the face was found in it.
    pixels, verdict: of the last attempt that fooled its views, of what came closest where
    none did; the verdict is None where the port saw that it failed; size: of that change. held:
    the smallest that was judged to hold on the way; judged: the size of what was judged last, in
    this attempt. hurried: the time was over before it was as small as it gets. attempts, gradients
    (how many) and seconds (of a batch, shared out by gradients) add up.

    Of the search under way: views: version and alignment that the next attempt must fool;
    known: all of them so far; fresh: the next attempt begins anew; hopeless: there is none; knob,
    low: as `engine.attack.problem.Earlier` has them.
    """

    photo: np.ndarray
    face: Face
    goal: Goal
    threshold: ThresholdMap
    whole: tuple[np.ndarray, Box] | None = None
    moved: bool = False
    pixels: np.ndarray = field(init=False)
    grey: bool = field(init=False)
    verdict: Verdict | None = None
    size: float = float("inf")
    held: Held | None = None
    judged: float = float("inf")
    hurried: bool = False
    attempts: int = 0
    gradients: int = 0
    seconds: float = 0.0
    views: list[tuple[str, Chip]] = field(default_factory=list)
    known: list[tuple[str, Chip]] = field(default_factory=list)
    fresh: bool = True
    hopeless: bool = False
    knob: float = 0.0
    low: float = 0.0

    def begin(self, views: list[tuple[str, Chip]]) -> None:
        """A search begins: with the photo as it is, and the views of its first attempt."""
        self.pixels, self.verdict = self.photo, None
        self.size, self.held, self.judged, self.hurried = float("inf"), None, float("inf"), False
        self.views, self.known, self.fresh, self.hopeless = views, [], True, False
        self.grey = is_grey(self.photo)

    def move(self, photo: np.ndarray) -> None:
        """Go on in a photo that was changed elsewhere."""
        self.moved = self.moved or photo is not self.photo
        self.photo = photo

    @property
    def kind(self) -> tuple:
        """States of one kind can advance together."""
        return self.grey, self.fresh, tuple(name for name, _ in self.views)

    @property
    def png(self) -> bytes:
        """The pixels as the bytes of a PNG, made when they are asked for."""
        return encode_png(self.pixels)

    @property
    def reached(self) -> bool:
        return self.verdict is not None and self.verdict.reached

    def is_news(self, size: float) -> bool:
        """Whether a change of this size is worth a verdict, after those there were."""
        least = float("inf") if self.held is None else self.held.size
        return size < min(least, MUCH * self.judged)

    def fall_back(self) -> None:
        """To what was judged to hold on the way, where what is there now does not or is larger."""
        held = self.held
        if held is not None and not (self.reached and self.size <= held.size):
            self.pixels, self.verdict, self.size = held.pixels, held.verdict, held.size

    def miss(self, resumed: bool) -> None:
        """After an attempt that did not fool its views: once more from the beginning, if ever.

        An attempt that began anew is the last one, for the next would be harder.
        """
        self.fresh, self.hopeless = True, not resumed
        self.views = in_order(self.known or self.views)

    def learn(self, looks: list[Look], *, resumed: bool, first: bool) -> None:
        """Set the views of the next attempt, after one that failed, the first one or a later.

        Where that begins at this picture (`resumed`), it first has to fool the alignment that
        was found in it, in place of the one before: the next picture is much like it. If that
        fails too, or the attempt begins anew, all alignments so far. Where the port reached the
        goal in every version, dlib's recogniser did not: all versions count as failed.
        """
        failed = [each for each in looks if not self.goal.reached(each.port)] or looks
        latest = dict(self.views) | {each.version: each.face.chip for each in failed}
        self.known = self.known or list(self.views)
        for each in failed:
            chips = [chip for name, chip in self.known if name == each.version]
            if not any(each.face.chip.same(chip) for chip in chips):
                self.known.append((each.version, each.face.chip))
        once_more = resumed and first
        self.views = in_order(list(latest.items()) if once_more else self.known)


def in_order(views: list[tuple[str, Chip]]) -> list[tuple[str, Chip]]:
    return sorted(views, key=lambda view: ORDER.index(view[0]))


def is_grey(pixels: np.ndarray) -> bool:
    """Whether uint8 H×W×3 is black and white."""
    return bool((pixels == pixels[:, :, :1]).all())


def alike(states: list[FaceState]) -> list[list[FaceState]]:
    """States sorted into batches of one kind, in the order in which the kinds appear."""
    batches: dict[tuple, list[FaceState]] = {}
    for state in states:
        batches.setdefault(state.kind, []).append(state)
    return list(batches.values())
