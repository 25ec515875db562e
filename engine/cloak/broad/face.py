"""A large face cloaked: searched for in the halved photo, put back, judged in the file's versions.

Where a verdict fails, the versions that failed join the search with the alignment that was found in
them, which goes on from the change that it has, with a margin larger by what they fell short.
Needs torch and dlib.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...attack.alignment import extract
from ...attack.objective import lead
from ...images.parts import Box, grown
from ..judge.verdict import Look
from ..judge.versions import PNG, SCALES, Standard, sized, version
from ..problem import QUALITIES, head_of, save_of
from ..state import CloakProgress, FaceState
from .canvas import Canvas
from .eye import Eye
from .search import scaled, search, size
from .sights import Direct, Saved, as_tensor

if TYPE_CHECKING:
    from ..face import Cloak

AROUND = 0.15  # of a chip's side, around it: room in which the change falls to nothing
ATTEMPTS = 8
MARGIN, MORE = 0.02, 0.01  # of the distance, at first; on top of what a version fell short
FINE = 3  # halvings of a version, from which what its codec does to a change averages out
STEPS, AGAIN = 20, 9  # of the first attempt, and of later ones
NEAR = 8  # pixels around a chip in a version of the photo
SHAVES = 4, 2  # verdicts that spend what is beyond the standard, exact and robust
LEAST = 0.4, 0.8  # of the change, that may be left at the lowest


def is_broad(state: FaceState) -> bool:
    """Whether dlib halves the photo before it cuts out the chip."""
    return state.face.chip.levels > 0


class Broad:
    """One large face in a photo, and the changes of it. Changes are coefficients of an `Eye`."""

    def __init__(self, cloak: Cloak, state: FaceState, standard: Standard):
        self.cloak, self.state, self.standard = cloak, state, standard
        started = time.monotonic()
        chip = state.face.chip
        height, width = state.photo.shape[:2]
        left, top, *corner = grown(chip.box, round(AROUND * chip.side), width, height)
        step = 2**chip.levels  # so that pixels are halved as in the chip
        left, top = left + (chip.box[0] - left) % step, top + (chip.box[1] - top) % step
        self.canvas = Canvas.of(state.photo, (left, top, *corner), chip.levels)
        self.eye = Eye(self.canvas.halved, chip.levels, grey=state.grey)
        self.head, labels = head_of([state])
        self.label = labels[:, None]
        self.sights = [(name, self.sight(name, chip)) for name, chip in state.views]
        self.margins = dict.fromkeys(standard.versions, MARGIN)
        self.cost = time.monotonic() - started  # seconds of a verdict, more or less

    def sight(self, name: str, chip) -> Direct | Saved:
        """A version of the photo, and a chip in it."""
        photo, scale = self.state.photo, SCALES.get(name, 1.0)
        saving = self.standard.saving
        coded = name in QUALITIES or (saving is not None and name in PNG)
        if coded and chip.levels < FINE:
            small = photo if scale == 1 else sized(photo, scale)
            height, width = small.shape[:2]
            left, top, *corner = grown(chip.box, NEAR, width, height)
            box: Box = (left // 16 * 16, top // 16 * 16, *corner)
            share = width / photo.shape[1]
            return Saved.of(self.canvas, small, share, save_of(name, saving), chip, box)
        changed = np.ascontiguousarray(version(name, photo, saving))
        left, top, right, bottom = chip.box
        part = as_tensor(changed[top:bottom, left:right])
        clean = extract(part, [chip.within(left, top)])
        share = changed.shape[1] / photo.shape[1]
        return Direct(clean, self.canvas.sight(chip, share))

    def leads(self, change: Tensor) -> Tensor:
        """By how much distance each view is beyond the goal and its version's margin, V."""
        chips = torch.cat([sight(self.canvas, change) for _, sight in self.sights])
        descriptors = self.cloak.recogniser(chips.to(self.cloak.device)).cpu()[None]
        logits = self.head(descriptors, torch.zeros(1, dtype=torch.int64))
        labels = self.label.expand(1, len(self.sights))
        targeted = self.state.goal.targeted
        margins = torch.tensor([self.margins[name] for name, _ in self.sights])
        return lead(logits, labels, targeted)[0] * self.head.temperature - margins

    def ahead(self, descriptor: np.ndarray) -> float:
        """By how much distance a descriptor, float32 128, is beyond the goal."""
        logits = self.head(
            torch.from_numpy(descriptor)[None, None], torch.zeros(1, dtype=torch.int64)
        )
        targeted = self.state.goal.targeted
        return float(lead(logits, self.label, targeted)) * self.head.temperature

    def learn(self, looks: list[Look]) -> None:
        """The versions that failed join, with their new alignment, and get a margin larger by what
        they fell short; all, where only dlib's recogniser did not follow.
        """
        goal = self.state.goal
        for each in [one for one in looks if not goal.reached(one.port)] or looks:
            if self.standard.versions != PNG:  # there are enough of them
                self.sights = [one for one in self.sights if one[0] != each.version]
            self.sights.append((each.version, self.sight(each.version, each.face.chip)))
            self.margins[each.version] += MORE - min(0.0, self.ahead(each.port))

    def paste(self, coefficients: list[Tensor]) -> np.ndarray:
        """The photo with this change."""
        with torch.no_grad():
            change = self.eye.change(coefficients)
        return self.canvas.pasted(self.state.photo, change, grey=self.state.grey)

    def judge(self, coefficients: list[Tensor]) -> list[Look]:
        """What the photo with this change looks like; where it holds, that is what the state has.

        The versions, once one of them failed, are not all looked at.
        """
        state, started = self.state, time.monotonic()
        pixels = self.paste(coefficients)
        looks, verdict = self.cloak.verdict(pixels, state, self.standard)
        self.cost = max(self.cost, time.monotonic() - started)
        if (verdict is not None and verdict.reached) or not state.reached:
            state.pixels, state.verdict, state.size = pixels, verdict, size(coefficients)
        return looks


def cloak_broad(
    cloak: Cloak, state: FaceState, standard: Standard, left: Callable[[], float]
) -> Iterator[CloakProgress]:
    """Cloak one large face; the state, which has begun, holds the result.

    left: the seconds that are left, of which a verdict has its share.
    """
    broad = Broad(cloak, state, standard)
    coefficients, steps = None, 0
    for attempt in range(ATTEMPTS):
        if left() < broad.cost and attempt:
            break
        found = None
        for found in search(broad.eye, broad.leads, AGAIN if attempt else STEPS, coefficients):
            steps += 1
            phase = "found, made smaller" if found.coefficients else "searching"
            doing = f"attempt {attempt + 1}, step {steps}: {phase}"
            yield CloakProgress(doing, steps / (STEPS + AGAIN), attempt + 1, steps, 0, 1)
            if left() < broad.cost:
                break
        state.attempts += 1
        if found is None:
            break
        state.gradients += found.gradients
        coefficients = found.coefficients or found.nearest
        looks = broad.judge(coefficients)
        if state.reached:
            break
        broad.learn(looks)
    among = 0 if standard.shaved else 1
    low, high = LEAST[among], 1.0
    for _ in range(SHAVES[among] if state.reached else 0):
        if left() < broad.cost:
            break
        middle = (low + high) / 2
        before = state.size
        broad.judge(scaled(coefficients, middle))
        low, high = (low, middle) if state.size < before else (middle, high)
    yield CloakProgress("judged", 1.0, state.attempts, steps, int(state.reached), 1)
