"""The cloak: a small change of a photo by which the recogniser matches nobody, or somebody else.

A photo's part around the face is changed at its own resolution, by any method of
`engine.attack.methods`, until the saved PNG passes `engine.cloak.verdict`. Where a verdict fails,
for the face found again lies a pixel elsewhere, the search goes on with that alignment and a larger
margin; what failed before is not tried again. A method may make what holds smaller still, with a
verdict each time; a robust cloak keeps its margin. Needs torch and dlib.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from ..attack import transforms
from ..attack.loop import Search
from ..attack.methods import method as method_row
from ..attack.observers import ClosedSet, FaceObserver, Verification, View
from ..attack.problem import Earlier, Method, Problem
from ..faces.chip import Chip
from ..faces.finder import Face, FaceFinder, load_finder
from ..faces.gallery import Goal, Identity, Matching
from ..images.parts import Box, equally_large, region
from ..images.picture import encode_png
from ..models.locate import Located, locate
from ..models.registry import RECOGNISER
from ..networks.recogniser import Recogniser, load_recogniser
from .state import CloakProgress, FaceState, Held, alike
from .threshold import ThresholdMap, ThresholdModel
from .verdict import PNG, ROBUST, Look, Verdict, confirm, find_again, judge, look, version

MARGINS = (0.008, 0.008, 0.012, 0.016, 0.024, 0.04, 0.06)  # of the distance, by attempt
ROBUST_MARGINS = (0.03, 0.05, 0.08, 0.12, 0.16)
SHAVED = 1_000_000  # pixels; in larger photos finding the face again costs more than it gains
LONG = 0.5  # of the distance, from which a method may take more steps
TEMPERATURE = 0.05  # of verification: a lead of one is that much distance
VIEWS: dict[str, Callable] = {
    "png": transforms.same,
    "jpeg75": transforms.jpeg(75),
    "half": transforms.half,
    "half+jpeg80": lambda x: transforms.jpeg(80)(transforms.half(x)),
}


class Cloak:
    """The recogniser, dlib, and a model of the human JND, ready to cloak.

    jnd: photo uint8 H×W×3 -> float32 H×W×3 in 8-bit levels (see `threshold.threshold_model`).
    weights and device as elsewhere. Raises WeightsError.
    """

    def __init__(self, jnd: ThresholdModel, *, weights=None, device: str = "cpu"):
        self.jnd = jnd
        self.finder: FaceFinder = load_finder()
        self.located: Located = locate(RECOGNISER, weights)
        self.recogniser: Recogniser = load_recogniser(weights, device)
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
        robust: bool = False,
        keep: bool = False,
        max_seconds: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        seed: int = 0,
    ) -> Iterator[CloakProgress]:
        """Cloak faces in photos of one size with goals of one kind; the states hold the results.

        method: a row's name, or a function of `targeted` that gives a row. keep: what holds is
        judged on the way, and is what is left where the rest fails. Ends early when late or
        cancelled, with what holds by then. A picture for which a search that began anew finds
        nothing is given up: the next one would be harder.
        """
        started = time.monotonic()
        until = float("inf") if max_seconds is None else started + max_seconds
        versions = ROBUST if robust else PNG
        targeted = states[0].goal.targeted
        row = method_row(method, targeted) if isinstance(method, str) else method(targeted)
        if row.far is not None and not robust and all(self._far(state) for state in states):
            row = replace(row, steps=row.far[0], again=row.far[1])
        for state in states:
            state.begin(self._views(state, versions))
        gradients = [state.gradients for state in states]
        steps = 0

        def over() -> bool:
            return time.monotonic() > until or cancelled()

        for attempt, margin in enumerate(ROBUST_MARGINS if robust else MARGINS):
            unfinished = [state for state in states if not (state.hopeless or state.reached)]
            for batch in alike(unfinished):
                if over():
                    break
                boxes, problem = self._problem(batch, margin)
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
                        self._keep(batch, boxes, search, versions)
                    yield CloakProgress(doing, share, attempt + 1, steps, found, len(states))
                self._take(batch, boxes, search, first=attempt == 0)
                for place, state in enumerate(batch):
                    if search.found[place]:
                        if state.held is not None and over():
                            continue  # there is no time for another verdict
                        looks, state.verdict = self._verdict(state.png, state, versions)
                        if not state.reached:
                            state.learn(looks, resumed=row.again is not None, first=attempt == 0)
                    else:
                        state.miss(search.resumed)
        for state in states:
            state.fall_back()
            if state.verdict is None:
                state.verdict = self.judge(state.png, state.face, state.goal, versions)
            shaved = row.shave is not None and not robust and state.photo.size <= 3 * SHAVED
            if shaved and state.reached and not over():
                self._shave(state, row.shave, over)
            state.hurried = state.reached and over()
        counts = [state.gradients - before for state, before in zip(states, gradients, strict=True)]
        each = (time.monotonic() - started) / max(1, sum(counts))
        for state, count in zip(states, counts, strict=True):
            state.seconds += each * count

    def _far(self, state: FaceState) -> bool:
        """Whether a photo that is to match nothing matches something closely, such as itself."""
        goal = state.goal
        if not isinstance(goal, Matching) or goal.targeted:
            return False
        return goal.threshold - goal.distance(self.describe(state.photo, state.face)) > LONG

    def judge(self, png: bytes, face: Face, goal: Goal, versions: tuple[str, ...] = PNG) -> Verdict:
        """On the bytes of a PNG; face: in the original."""
        return judge(self.finder, self.recogniser, png, face, goal, versions)

    def _verdict(
        self, png: bytes, state: FaceState, versions: tuple[str, ...]
    ) -> tuple[list[Look], Verdict | None]:
        """Looks by the port; the verdict, None where the port is not fooled: dlib is not run."""
        looks = look(self.finder, self.recogniser, png, state.face, versions)
        reached = all(state.goal.reached(each.port) for each in looks)
        return looks, confirm(self.finder, looks, state.goal) if reached else None

    def _keep(
        self, states: list[FaceState], boxes: list[Box], search: Search, versions: tuple[str, ...]
    ) -> None:
        """Judge what a search has found so far, the first and whenever it is much smaller."""
        for place, (state, box) in enumerate(zip(states, boxes, strict=True)):
            if not state.is_news(size := float(search.size[place])):
                continue
            state.judged = size
            pixels = self._paste(state, box, search.best[place])
            _, verdict = self._verdict(png := encode_png(pixels), state, versions)
            if verdict is not None and verdict.reached:
                state.held = Held(pixels, png, verdict, size)

    def _shave(self, state: FaceState, shave: Callable, over: Callable[[], bool]) -> None:
        """Make a change that is judged to hold smaller, as long as it does."""
        state.views = [(each.version, each.face.chip) for each in state.verdict.looks]
        (box,), problem = self._problem([state], margin=0.0)

        def holds(candidate: torch.Tensor) -> torch.Tensor:
            pixels, good = self._paste(state, box, candidate[0]), False
            if not over():
                _, verdict = self._verdict(png := encode_png(pixels), state, PNG)
                good = verdict is not None and verdict.reached
            if good:
                state.pixels, state.png, state.verdict = pixels, png, verdict
            return torch.tensor([good], device=candidate.device)

        for _ in shave(problem, self._cut([state.pixels], [state], [box]), holds):
            state.gradients += len(state.views)

    def _views(self, state: FaceState, versions: tuple[str, ...]) -> list[tuple[str, Chip]]:
        """The views of the first attempt: each version of the clean photo, and its alignment.

        In the photo itself the face was found already.
        """
        views = []
        for name in versions:
            if name == "png" and not state.moved:
                views.append((name, state.face.chip))
                continue
            changed = np.ascontiguousarray(version(name, state.photo))
            scale = changed.shape[1] / state.photo.shape[1]
            face, _ = find_again(self.finder, changed, state.face, scale)
            views.append((name, face.chip))
        return views

    def _problem(self, states: list[FaceState], margin: float) -> tuple[list[Box], Problem]:
        """The parts of the photos to change, equally large, and the problem on them."""
        names = [name for name, _ in states[0].views]
        grid = 1 if all(name == "png" for name in names) else transforms.GRID
        height, width = states[0].photo.shape[:2]
        boxes = []
        for state in states:
            full = [
                tuple(value * (2 if "half" in name else 1) for value in chip.box)
                for name, chip in state.views
            ]
            boxes.append(region(full, width, height, grid))
        boxes = equally_large(boxes, width, height, grid)
        views = []
        for number, name in enumerate(names):
            zoom = 2 if "half" in name else 1
            chips = tuple(
                state.views[number][1].within(box[0] // zoom, box[1] // zoom)
                for state, box in zip(states, boxes, strict=True)
            )
            views.append(View(VIEWS[name], chips))
        clean = self._cut([state.photo for state in states], states, boxes)
        parts = [state.threshold.part(box) for state, box in zip(states, boxes, strict=True)]
        threshold = torch.stack([torch.from_numpy(each.copy()).permute(2, 0, 1) for each in parts])
        head, labels = self._head(states)
        problem = Problem(
            clean=clean,
            threshold=(threshold[:, : clean.shape[1]] / 255).to(self.device),
            observer=FaceObserver(self.recogniser, views, head),
            labels=labels[:, None].expand(-1, len(views)).contiguous().to(self.device),
            targeted=states[0].goal.targeted,
            margin=margin / head.temperature,
        )
        return boxes, problem

    def _cut(
        self, photos: list[np.ndarray], states: list[FaceState], boxes: list[Box]
    ) -> torch.Tensor:
        """The same part of other photos: float32 n×3×h×w in 0…1; n×1×h×w if black and white."""
        planes = 1 if states[0].grey else 3
        parts = [
            torch.from_numpy(photo[top:bottom, left:right, :planes].copy()).permute(2, 0, 1)
            for photo, (left, top, right, bottom) in zip(photos, boxes, strict=True)
        ]
        return torch.stack(parts).to(self.device).float() / 255

    def _earlier(self, states: list[FaceState], boxes: list[Box]) -> Earlier | None:
        """What the last attempt has shown; None where the next begins anew."""
        if states[0].fresh:
            return None
        return Earlier(
            best=self._cut([state.pixels for state in states], states, boxes),
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
                state.pixels = self._paste(state, box, search.best[place])
                state.png = encode_png(state.pixels)
                state.size = float(search.size[place])
                state.knob = float(search.knob[place])
                state.low = float(search.knobs.low[place])
            elif first and search.reach[place].isfinite():
                state.pixels = self._paste(state, box, search.nearest[place])
                state.png = encode_png(state.pixels)

    def _head(self, states: list[FaceState]) -> tuple[ClosedSet | Verification, torch.Tensor]:
        goal = states[0].goal
        if isinstance(goal, Identity):
            labels = torch.tensor([state.goal.label for state in states])
            return ClosedSet(goal.gallery.centroids, goal.gallery.temperature), labels
        enrolled = [state.goal.enrolled for state in states]
        head = Verification(enrolled, goal.threshold, TEMPERATURE)
        return head, torch.zeros(len(states), dtype=torch.int64)

    def _paste(self, state: FaceState, box: Box, best: torch.Tensor) -> np.ndarray:
        left, top, right, bottom = box
        part = (best.cpu() * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        pixels = state.photo.copy()
        pixels[top:bottom, left:right] = part
        return pixels
