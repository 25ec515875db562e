"""The cloak: a small change of a photo by which the recogniser matches nobody, or somebody else.

A photo's part around the face is changed at its own resolution, by any method of
`engine.attack.methods`, until the file passes `engine.cloak.judge.verdict`. Where a verdict fails,
for the face found again lies a pixel elsewhere, the search goes on with that alignment and a larger
margin; what failed before is not tried again. A method may make what holds smaller still, with a
verdict each time; a robust cloak keeps its margin. Of a large face our own method changes what
dlib's halved photo holds of it (`engine.cloak.broad`). Needs torch and dlib.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from ..attack.loop import Search
from ..attack.methods import method as method_row
from ..attack.problem import Earlier, Method
from ..faces.finder import SAME, Face, FaceFinder, load_finder
from ..faces.gallery import Matching
from ..faces.recognisers import named
from ..images.parts import Box
from ..networks.faces.loading import load
from ..networks.recogniser import Recogniser, load_recogniser
from .broad.face import cloak_broad, is_broad
from .judge.recognisers import Recognisers
from .judge.verdict import Look, Verdict, confirm, look_at
from .judge.versions import EXACT, PNG, Standard
from .problem import cut, first_views, pasted, problem_of
from .state import CloakProgress, FaceState, Held, alike
from .threshold import ThresholdMap, ThresholdModel
from .whole import look_whole

SHAVED = 1_000_000  # pixels; in larger photos finding the face again costs more than it gains
BROAD = ("ours",)  # methods that search for the change of a large face in the halved photo
LONG = 0.5  # distance below a threshold of `SAME`, from which a method may take more steps


class Cloak:
    """The recogniser, dlib, and a model of the human JND, ready to cloak.

    jnd: photo uint8 H×W×3 -> float32 H×W×3 in 8-bit levels (see `threshold.threshold_model`).
    against: recognisers, as `engine.faces.recognisers.named` takes them. weights and device as
    elsewhere. Raises WeightsError, UsageError.
    """

    def __init__(
        self,
        jnd: ThresholdModel,
        *,
        weights=None,
        device: str = "cpu",
        against: str | tuple[str, ...] = "dlib",
    ):
        self.jnd = jnd
        self.finder: FaceFinder = load_finder()
        self.recogniser: Recogniser = load_recogniser(weights, device)
        networks = {row.name: load(row.name, weights, device) for row in named(against)}
        self.recognisers = Recognisers(self.finder, networks, weights)
        self.device = device

    def threshold(self, pixels: np.ndarray) -> ThresholdMap:
        """The human JND of a photo uint8 H×W×3, computed when and where it is needed."""
        return ThresholdMap(self.jnd, pixels)

    def describe(self, pixels: np.ndarray, face: Face) -> np.ndarray:
        """The port's descriptor of a face, float32 128, from dlib's chip."""
        return self.recogniser.describe(self.finder.chip(pixels, face)[None])[0]

    def run(
        self,
        states: list[FaceState],
        method: str | Callable[[bool], Method],
        *,
        standard: Standard = EXACT,
        keep: bool = False,
        max_seconds: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        seed: int = 0,
    ) -> Iterator[CloakProgress]:
        """Cloak faces in photos of one size with goals of one kind; the states hold the results.

        method: a row's name, or a function of `targeted` that gives a row. standard: what
        the files are held to. keep: what holds is
        judged on the way, and is what is left where the rest fails. Ends early when late or
        cancelled, with what holds by then. A picture for which a search that began anew finds
        nothing is given up: the next one would be harder.
        """
        started = time.monotonic()
        until = float("inf") if max_seconds is None else started + max_seconds
        targeted = states[0].goal.targeted
        row = method_row(method, targeted) if isinstance(method, str) else method(targeted)
        if row.far is not None and standard.shaved and all(self._far(state) for state in states):
            row = replace(row, steps=row.far[0], again=row.far[1])
        for state in states:
            state.begin(first_views(self.finder, state, standard))
        gradients = [state.gradients for state in states]
        steps = 0

        def left() -> float:
            return -1.0 if cancelled() else until - time.monotonic()

        def over() -> bool:
            return left() < 0

        if row.name in BROAD:
            for state in filter(is_broad, states):
                for step in cloak_broad(self, state, standard, left):
                    settled = sum(each.reached for each in states)
                    yield replace(step, found=settled, total=len(states))
                state.hopeless = True  # whatever came of it, it is done
        for attempt, margin in enumerate(standard.margins):
            unfinished = [state for state in states if not (state.hopeless or state.reached)]
            for batch in alike(unfinished):
                if over():
                    break
                boxes, problem = problem_of(
                    self.recognisers.networks, batch, margin, self.device, standard.saving
                )
                search = Search(problem, row, seed, self._earlier(batch, boxes))
                for state in batch:
                    state.judged = float("inf")
                settled = sum(state.reached for state in states)
                for step in search.steps(max_seconds=until - time.monotonic(), cancelled=cancelled):
                    steps += 1
                    found = settled + int(search.found.sum())
                    share = min(1.0, step.number / (search.count * row.tuning.rounds))
                    phase = "found, made smaller" if found else "searching"
                    doing = f"attempt {attempt + 1}, step {steps}: {phase}"
                    if keep:
                        self._keep(batch, boxes, search, standard)
                    yield CloakProgress(doing, share, attempt + 1, steps, found, len(states))
                self._take(batch, boxes, search, first=attempt == 0)
                for place, state in enumerate(batch):
                    if search.found[place]:
                        if state.held is not None and over():
                            continue  # there is no time for another verdict
                        looks, state.verdict = self.verdict(state.pixels, state, standard)
                        if not state.reached:
                            state.learn(looks, resumed=row.again is not None, first=attempt == 0)
                    else:
                        state.miss(search.resumed)
        for state in states:
            state.fall_back()
            if state.verdict is None:
                state.verdict = self.judge(state.pixels, state, standard)
            shaved = row.shave is not None and standard.shaved and state.photo.size <= 3 * SHAVED
            if shaved and state.reached and not (state.hopeless or over()):
                self._shave(state, row.shave, over, standard)
            state.hurried = state.reached and over()
        counts = [state.gradients - before for state, before in zip(states, gradients, strict=True)]
        each = (time.monotonic() - started) / max(1, sum(counts))
        for state, count in zip(states, counts, strict=True):
            state.seconds += each * count

    def _far(self, state: FaceState) -> bool:
        """Whether a photo that is to match nothing matches something closely, such as itself."""
        seen = self.recognisers.ported(self.recognisers.chips(state.photo, state.face))
        goals = [(goal, seen[name]) for name, goal in state.goal.goals.items()]
        return all(
            isinstance(goal, Matching)
            and not goal.targeted
            and goal.threshold - goal.distance(own) > LONG * goal.threshold / SAME
            for goal, own in goals
        )

    def judge(self, pixels: np.ndarray, state: FaceState, standard: Standard) -> Verdict:
        """On uint8 H×W×3, in all versions, whatever the port sees in them."""
        versions, saving = standard.versions, standard.saving
        looks = look_at(self.recognisers, pixels, state.face, versions, saving)
        return confirm(self.recognisers, looks, state.goal)

    def verdict(
        self, pixels: np.ndarray, state: FaceState, standard: Standard
    ) -> tuple[list[Look], Verdict | None]:
        """Looks by the port at uint8 H×W×3; the verdict, None where the port is not fooled.

        Then dlib is not run, nor are the versions looked at that are easier than one that failed.
        """
        looks: list[Look] = []
        for versions in standard.stages:
            if state.whole is not None and PNG[0] in versions:
                looks.append(look_whole(self.recognisers, pixels, state, standard))
                versions = tuple(name for name in versions if name not in PNG)
            looks += look_at(self.recognisers, pixels, state.face, versions, standard.saving)
            if not all(state.goal.reached(each.ports) for each in looks):
                return looks, None
        return looks, confirm(self.recognisers, looks, state.goal)

    def _keep(
        self, states: list[FaceState], boxes: list[Box], search: Search, standard: Standard
    ) -> None:
        """Judge what a search has found so far, the first and whenever it is much smaller."""
        for place, (state, box) in enumerate(zip(states, boxes, strict=True)):
            if not state.is_news(size := float(search.size[place])):
                continue
            state.judged = size
            pixels = pasted(state, box, search.best[place])
            _, verdict = self.verdict(pixels, state, standard)
            if verdict is not None and verdict.reached:
                state.held = Held(pixels, verdict, size)

    def _shave(
        self, state: FaceState, shave: Callable, over: Callable[[], bool], standard: Standard
    ) -> None:
        """Make a change that is judged to hold smaller, as long as it does."""
        state.views = [(each.version, each.face.chip) for each in state.verdict.looks]
        (box,), problem = problem_of(
            self.recognisers.networks, [state], 0.0, self.device, standard.saving
        )

        def holds(candidate: torch.Tensor) -> torch.Tensor:
            pixels, good = pasted(state, box, candidate[0]), False
            if not over():
                _, verdict = self.verdict(pixels, state, standard)
                good = verdict is not None and verdict.reached
            if good:
                state.pixels, state.verdict = pixels, verdict
            return torch.tensor([good], device=candidate.device)

        for _ in shave(problem, cut([state.pixels], [state], [box], self.device), holds):
            state.gradients += len(state.views)

    def _earlier(self, states: list[FaceState], boxes: list[Box]) -> Earlier | None:
        """What the last attempt has shown; None where the next begins anew."""
        if states[0].fresh:
            return None
        return Earlier(
            best=cut([state.pixels for state in states], states, boxes, self.device),
            knob=torch.tensor([state.knob for state in states], device=self.device),
            low=torch.tensor([state.low for state in states], device=self.device),
        )

    def _take(
        self, states: list[FaceState], boxes: list[Box], search: Search, *, first: bool
    ) -> None:
        """Put what a search has found into its photos; of the first attempt what came closest."""
        views = len(search.problem.observer.views)
        for place, (state, box) in enumerate(zip(states, boxes, strict=True)):
            state.attempts += 1
            state.gradients += int(search.gradients[place]) * views
            if search.found[place]:
                state.fresh = False
                state.pixels = pasted(state, box, search.best[place])
                state.size = float(search.size[place])
                state.knob = float(search.knob[place])
                state.low = float(search.knobs.low[place])
            elif first and search.reach[place].isfinite():
                state.pixels = pasted(state, box, search.nearest[place])
