"""The cloak: change a face's photo so little that no eye minds and so that no machine knows it.

A photo's part around the face is changed at its own resolution, by any method of
`engine.attack.methods`, until the saved PNG passes `engine.cloak.verdict`. Where a verdict fails,
for the face found again lies a pixel elsewhere, the search goes on with that alignment and a larger
margin; what failed before is not tried again. A method may make what holds smaller still, the
verdict being asked each time; what is to last keeps its margin. Needs torch and dlib.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from ..attack import transforms
from ..attack.loop import Earlier, Method, Problem, Search
from ..attack.methods import method as method_row
from ..attack.observers import ClosedSet, FaceObserver, Verification, View
from ..faces.finder import Face, FaceFinder, load_finder
from ..faces.gallery import Identity, Matching
from ..images.parts import Box, equally_large, region
from ..images.picture import encode_png
from ..models.locate import Located, locate
from ..models.registry import RECOGNISER
from ..networks.recogniser import Recogniser, load_recogniser
from .jobs import Cloaked, Job, Progress, Work, alike, is_grey
from .sight import Sight, Threshold
from .verdict import LASTING, PNG, Look, Verdict, confirm, find_again, judge, look, version

MARGINS = (0.008, 0.008, 0.012, 0.016, 0.024, 0.04, 0.06)  # of the distance, by attempt
LASTING_MARGINS = (0.03, 0.05, 0.08, 0.12, 0.16)
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
    """The recogniser, dlib, and the eye's threshold, ready to cloak.

    threshold: photo uint8 H×W×3 -> J float32 H×W×3 in 8-bit levels (see `engine.cloak.sight.eye`).
    weights and device as elsewhere. Raises WeightsError.
    """

    def __init__(self, threshold: Threshold, *, weights=None, device: str = "cpu"):
        self.threshold = threshold
        self.finder: FaceFinder = load_finder()
        self.located: Located = locate(RECOGNISER, weights)
        self.recogniser: Recogniser = load_recogniser(weights, device)
        self.device = device

    def sight(self, pixels: np.ndarray) -> Sight:
        """The eye's threshold of a photo uint8 H×W×3, to be computed when asked for."""
        return Sight(self.threshold, pixels)

    def describe(self, pixels: np.ndarray, face: Face) -> np.ndarray:
        """The port's descriptor of a face, float32 128, from dlib's chip."""
        return self.recogniser.describe(self.finder.chip(pixels, face)[None])[0]

    def run(
        self,
        jobs: list[Job],
        method: str | Callable[[bool], Method],
        *,
        lasting: bool = False,
        max_seconds: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        seed: int = 0,
    ) -> Iterator[Progress | list[Cloaked]]:
        """Cloak photos of one size with goals of one kind; yields progress, then the results.

        method: a row's name, or a function of `targeted` that gives a row. Ends early when late
        or cancelled, with what holds by then. A picture for which a search that began anew finds
        nothing is given up: the next one would be harder.
        """
        started = time.monotonic()
        until = float("inf") if max_seconds is None else started + max_seconds
        versions = LASTING if lasting else PNG
        targeted = jobs[0].goal.targeted
        row = method_row(method, targeted) if isinstance(method, str) else method(targeted)
        if row.far is not None and not lasting and all(self._far(job) for job in jobs):
            row = replace(row, steps=row.far[0], again=row.far[1])
        works = [self._begin(job, versions) for job in jobs]
        steps = 0

        def over() -> bool:
            return time.monotonic() > until or cancelled()

        for attempt, margin in enumerate(LASTING_MARGINS if lasting else MARGINS):
            for batch in alike([work for work in works if not (work.hopeless or work.reached)]):
                if over():
                    break
                boxes, problem = self._problem(batch, margin)
                search = Search(problem, row, seed, self._earlier(batch, boxes))
                settled = sum(work.reached for work in works)
                for step in search.steps(max_seconds=until - time.monotonic(), cancelled=cancelled):
                    steps += 1
                    found = settled + int(search.found.sum())
                    share = min(1.0, step.number / (search.count * row.tuning.rounds))
                    yield Progress(attempt + 1, steps, found, len(jobs), share)
                self._take(batch, boxes, search)
                for place, work in enumerate(batch):
                    if search.found[place]:
                        self._judge(work, versions, resumed=row.again is not None)
                    else:
                        work.miss(search.resumed)
        for work in works:
            if work.verdict is None:
                work.verdict = self.judge(work.png, work.job, versions)
            shaved = row.shave is not None and not lasting and work.job.pixels.size <= 3 * SHAVED
            if shaved and work.reached and not over():
                self._shave(work, row.shave, over)
        each = (time.monotonic() - started) / max(1, sum(work.gradients for work in works))
        yield [
            Cloaked(
                pixels=work.pixels,
                png=work.png,
                verdict=work.verdict,
                attempts=work.attempts,
                gradients=work.gradients,
                seconds=each * work.gradients,
            )
            for work in works
        ]

    def _far(self, job: Job) -> bool:
        """Whether a photo that is to match nothing matches something closely, such as itself."""
        goal = job.goal
        if not isinstance(goal, Matching) or goal.targeted:
            return False
        return goal.threshold - goal.distance(self.describe(job.pixels, job.face)) > LONG

    def judge(self, png: bytes, job: Job, versions: tuple[str, ...] = PNG) -> Verdict:
        """On the bytes of a PNG."""
        return judge(self.finder, self.recogniser, png, job.face, job.goal, versions)

    def _verdict(
        self, png: bytes, job: Job, versions: tuple[str, ...]
    ) -> tuple[list[Look], Verdict | None]:
        """What the port sees; the verdict, None where it is not deceived: dlib is not asked."""
        looks = look(self.finder, self.recogniser, png, job.face, versions)
        reached = all(job.goal.reached(each.port) for each in looks)
        return looks, confirm(self.finder, looks, job.goal) if reached else None

    def _judge(self, work: Work, versions: tuple[str, ...], resumed: bool) -> None:
        """Look at what an attempt made, and learn from it where it fails."""
        looks, work.verdict = self._verdict(work.png, work.job, versions)
        if not work.reached:
            work.learn(looks, resumed)

    def _shave(self, work: Work, shave: Callable, over: Callable[[], bool]) -> None:
        """Make a change that is judged to hold smaller, as long as it does."""
        work.views = [(seen.version, seen.face.chip) for seen in work.verdict.seen]
        (box,), problem = self._problem([work], margin=0.0)

        def holds(candidate: torch.Tensor) -> torch.Tensor:
            pixels, good = self._paste(work.job, box, candidate[0]), False
            if not over():
                _, verdict = self._verdict(png := encode_png(pixels), work.job, PNG)
                good = verdict is not None and verdict.reached
            if good:
                work.pixels, work.png, work.verdict = pixels, png, verdict
            return torch.tensor([good], device=candidate.device)

        for _ in shave(problem, self._cut([work.pixels], [work], [box]), holds):
            work.gradients += len(work.views)

    def _begin(self, job: Job, versions: tuple[str, ...]) -> Work:
        """The views of the first attempt: each version of the clean photo, and its alignment."""
        views = []
        for name in versions:
            changed = np.ascontiguousarray(version(name, job.pixels))
            scale = changed.shape[1] / job.pixels.shape[1]
            face, _ = find_again(self.finder, changed, job.face, scale)
            views.append((name, face.chip))
        sight = job.sight or self.sight(job.pixels)
        return Work(job, sight, views, job.pixels, encode_png(job.pixels), is_grey(job.pixels))

    def _problem(self, works: list[Work], margin: float) -> tuple[list[Box], Problem]:
        """The parts of the photos to change, equally large, and the problem on them."""
        jobs = [work.job for work in works]
        names = [name for name, _ in works[0].views]
        grid = 1 if all(name == "png" for name in names) else transforms.GRID
        height, width = jobs[0].pixels.shape[:2]
        boxes = []
        for work in works:
            full = [
                tuple(value * (2 if "half" in name else 1) for value in chip.box)
                for name, chip in work.views
            ]
            boxes.append(region(full, width, height, grid))
        boxes = equally_large(boxes, width, height, grid)
        views = []
        for number, name in enumerate(names):
            zoom = 2 if "half" in name else 1
            chips = tuple(
                work.views[number][1].within(box[0] // zoom, box[1] // zoom)
                for work, box in zip(works, boxes, strict=True)
            )
            views.append(View(VIEWS[name], chips))
        clean = self._cut([work.job.pixels for work in works], works, boxes)
        sights = [work.sight.part(box) for work, box in zip(works, boxes, strict=True)]
        threshold = torch.stack([torch.from_numpy(each.copy()).permute(2, 0, 1) for each in sights])
        head, labels = self._head(jobs)
        problem = Problem(
            clean=clean,
            threshold=(threshold[:, : clean.shape[1]] / 255).to(self.device),
            observer=FaceObserver(self.recogniser, views, head),
            labels=labels[:, None].expand(-1, len(views)).contiguous().to(self.device),
            targeted=jobs[0].goal.targeted,
            margin=margin / head.temperature,
        )
        return boxes, problem

    def _cut(self, photos: list[np.ndarray], works: list[Work], boxes: list[Box]) -> torch.Tensor:
        """The same part of other photos: float32 n×3×h×w in 0…1; n×1×h×w if black and white."""
        planes = 1 if works[0].grey else 3
        parts = [
            torch.from_numpy(photo[top:bottom, left:right, :planes].copy()).permute(2, 0, 1)
            for photo, (left, top, right, bottom) in zip(photos, boxes, strict=True)
        ]
        return torch.stack(parts).to(self.device).float() / 255

    def _earlier(self, works: list[Work], boxes: list[Box]) -> Earlier | None:
        """What the last attempt has shown; None where the next begins anew."""
        if works[0].fresh:
            return None
        return Earlier(
            best=self._cut([work.pixels for work in works], works, boxes),
            knob=torch.tensor([work.knob for work in works], device=self.device),
            low=torch.tensor([work.low for work in works], device=self.device),
        )

    def _take(self, works: list[Work], boxes: list[Box], search: Search) -> None:
        """Put what a search has found into its photos."""
        views = len(search.problem.observer.views)
        for place, (work, box) in enumerate(zip(works, boxes, strict=True)):
            work.attempts += 1
            work.gradients += int(search.gradients[place]) * views
            if search.found[place]:
                work.fresh = False
                work.pixels = self._paste(work.job, box, search.best[place])
                work.png = encode_png(work.pixels)
                work.knob = float(search.knob[place])
                work.low = float(search.knobs.low[place])
            elif work.attempts == 1 and search.reach[place].isfinite():
                work.pixels = self._paste(work.job, box, search.nearest[place])
                work.png = encode_png(work.pixels)

    def _head(self, jobs: list[Job]) -> tuple[ClosedSet | Verification, torch.Tensor]:
        goal = jobs[0].goal
        if isinstance(goal, Identity):
            labels = torch.tensor([job.goal.label for job in jobs])
            return ClosedSet(goal.gallery.centroids, goal.gallery.temperature), labels
        enrolled = [job.goal.enrolled for job in jobs]
        head = Verification(enrolled, goal.threshold, TEMPERATURE)
        return head, torch.zeros(len(jobs), dtype=torch.int64)

    def _paste(self, job: Job, box: tuple, best: torch.Tensor) -> np.ndarray:
        left, top, right, bottom = box
        part = (best.cpu() * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        pixels = job.pixels.copy()
        pixels[top:bottom, left:right] = part
        return pixels
