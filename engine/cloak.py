"""The cloak: change a face's photo so little that no eye minds and so that no machine knows it.

A photo's part around the face is changed at its own resolution, by any method of
`engine.attack.methods`, until the saved PNG passes `engine.verdict`. Where a verdict fails, for
the face found again lies a pixel elsewhere, the search runs again with that alignment as a further
view and a larger margin. Needs torch and dlib.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from .attack import transforms
from .attack.methods import method as method_row
from .attack.observers import ClosedSet, FaceObserver, Verification, View
from .attack.search import Method, Problem, Search
from .chip import Chip
from .faces import Face, FaceFinder, load_finder
from .gallery import Goal, Identity
from .image import encode_png
from .recogniser import Recogniser, load_recogniser
from .verdict import LASTING, PNG, Verdict, find_again, judge, version

MARGINS = (0.012, 0.02, 0.035, 0.06)  # of the distance, one attempt after the other
LASTING_MARGINS = (0.03, 0.05, 0.08, 0.12)
TEMPERATURE = 0.05  # of verification: a lead of one is that much distance
BORDER = 4  # pixels around the chips
VIEWS: dict[str, Callable] = {
    "png": transforms.same,
    "jpeg75": transforms.jpeg(75),
    "half": transforms.half,
    "half+jpeg80": lambda x: transforms.jpeg(80)(transforms.half(x)),
}
Threshold = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Job:
    """One face to cloak: its photo uint8 H×W×3, where it is, what is to be reached."""

    pixels: np.ndarray
    face: Face
    goal: Goal


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


def eye(model: str) -> Threshold:
    """The human JND by name, as photo uint8 H×W×3 -> float32 H×W×3 in 8-bit levels."""
    from . import human_jnd

    return lambda pixels: human_jnd(pixels, model=model)


def is_grey(pixels: np.ndarray) -> bool:
    """Whether uint8 H×W×3 is black and white."""
    return bool((pixels == pixels[:, :, :1]).all())


def region(boxes: list[tuple], width: int, height: int, grid: int) -> tuple[int, int, int, int]:
    """The part of a photo that holds all boxes, its left and top on the grid; exclusive ends."""
    left = max(0, min(box[0] for box in boxes) - BORDER) // grid * grid
    top = max(0, min(box[1] for box in boxes) - BORDER) // grid * grid
    right = -(-(max(box[2] for box in boxes) + BORDER) // grid) * grid
    bottom = -(-(max(box[3] for box in boxes) + BORDER) // grid) * grid
    return left, top, min(right, width), min(bottom, height)


class Cloak:
    """The recogniser, dlib, and the eye's threshold, ready to cloak.

    threshold: photo uint8 H×W×3 -> J float32 H×W×3 in 8-bit levels (see `eye`). weights and
    device as elsewhere. Raises WeightsError.
    """

    def __init__(self, threshold: Threshold, *, weights=None, device: str = "cpu"):
        self.threshold = threshold
        self.finder: FaceFinder = load_finder()
        self.recogniser: Recogniser = load_recogniser(weights, device)
        self.device = device

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
        or cancelled, with what holds by then.
        """
        started = time.monotonic()
        until = float("inf") if max_seconds is None else started + max_seconds
        versions = LASTING if lasting else PNG
        targeted = jobs[0].goal.targeted
        row = method_row(method, targeted) if isinstance(method, str) else method(targeted)
        aligned = [self._aligned(job, versions) for job in jobs]
        pictures = [job.pixels for job in jobs]
        verdicts: list[Verdict | None] = [None] * len(jobs)
        attempts, gradients = [0] * len(jobs), [0] * len(jobs)
        left, steps = list(range(len(jobs))), 0
        for attempt, margin in enumerate(LASTING_MARGINS if lasting else MARGINS):
            chosen = [jobs[index] for index in left]
            boxes, problem = self._problem(chosen, [aligned[index] for index in left], margin)
            search = Search(problem, row, seed)
            if time.monotonic() < until:
                remaining = None if max_seconds is None else until - time.monotonic()
                for _ in search.steps(max_seconds=remaining, cancelled=cancelled):
                    steps += 1
                    found = len(jobs) - len(left) + int(search.found.sum())
                    yield Progress(attempt + 1, steps, found, len(jobs))
            failed = []
            for place, index in enumerate(left):
                pictures[index] = self._paste(jobs[index], boxes[place], search.best[place])
                attempts[index] += 1
                views = len(problem.observer.views)
                gradients[index] += int(search.gradients[place]) * views
                verdict = self.judge(pictures[index], jobs[index], versions)
                verdicts[index] = verdict
                if not verdict.reached:
                    failed.append(index)
                    for seen in verdict.seen:
                        aligned[index].append((seen.version, seen.face.chip))
            left = failed
            if not left or time.monotonic() > until or cancelled():
                break
        seconds = time.monotonic() - started
        share = seconds / max(1, sum(gradients))
        yield [
            Cloaked(
                pixels=pictures[index],
                png=encode_png(pictures[index]),
                verdict=verdicts[index],
                attempts=attempts[index],
                gradients=gradients[index],
                seconds=share * gradients[index],
            )
            for index in range(len(jobs))
        ]

    def judge(self, pixels: np.ndarray, job: Job, versions: tuple[str, ...] = PNG) -> Verdict:
        png = encode_png(pixels)
        return judge(self.finder, self.recogniser, png, job.face, job.goal, versions)

    def _aligned(self, job: Job, versions: tuple[str, ...]) -> list[tuple[str, Chip]]:
        """Each version of the clean photo, and where the chip lies in it."""
        found = []
        for name in versions:
            changed = np.ascontiguousarray(version(name, job.pixels))
            scale = changed.shape[1] / job.pixels.shape[1]
            face, _ = find_again(self.finder, changed, job.face, scale)
            found.append((name, face.chip))
        return found

    def _problem(
        self, jobs: list[Job], aligned: list[list[tuple[str, Chip]]], margin: float
    ) -> tuple[list[tuple], Problem]:
        """The parts of the photos to change, equally large, and the problem on them."""
        names = [name for name, _ in aligned[0]]
        grid = 1 if all(name == "png" for name in names) else transforms.GRID
        height, width = jobs[0].pixels.shape[:2]
        boxes = []
        for each in aligned:
            full = [
                tuple(value * (2 if "half" in name else 1) for value in chip.box)
                for name, chip in each
            ]
            boxes.append(region(full, width, height, grid))
        boxes = equally_large(boxes, width, height, grid)
        views = []
        for number, name in enumerate(names):
            zoom = 2 if "half" in name else 1
            chips = tuple(
                each[number][1].within(box[0] // zoom, box[1] // zoom)
                for each, box in zip(aligned, boxes, strict=True)
            )
            views.append(View(VIEWS[name], chips))
        clean, threshold = [], []
        for job, (left, top, right, bottom) in zip(jobs, boxes, strict=True):
            planes = 1 if is_grey(job.pixels) else 3
            part = job.pixels[top:bottom, left:right, :planes]
            seen = np.asarray(self.threshold(job.pixels), np.float32)[top:bottom, left:right]
            clean.append(torch.from_numpy(np.ascontiguousarray(part)).permute(2, 0, 1).float())
            threshold.append(torch.from_numpy(np.ascontiguousarray(seen)).permute(2, 0, 1))
        head, labels = self._head(jobs)
        problem = Problem(
            clean=(torch.stack(clean) / 255).to(self.device),
            threshold=(torch.stack(threshold)[:, : clean[0].shape[0]] / 255).to(self.device),
            observer=FaceObserver(self.recogniser, views, head),
            labels=labels[:, None].expand(-1, len(views)).contiguous().to(self.device),
            targeted=jobs[0].goal.targeted,
            margin=margin / head.temperature,
        )
        return boxes, problem

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


def equally_large(boxes: list[tuple], width: int, height: int, grid: int) -> list[tuple]:
    """Boxes grown to the size of the largest, on the grid; the whole photo where one cannot be."""
    if len(boxes) == 1:
        return boxes
    wide = max(box[2] - box[0] for box in boxes)
    high = max(box[3] - box[1] for box in boxes)
    grown = []
    for box in boxes:
        left = min(box[0], (width - wide) // grid * grid)
        top = min(box[1], (height - high) // grid * grid)
        grown.append((left, top, left + wide, top + high))
    held = all(
        new[0] <= old[0] and new[1] <= old[1] and new[2] >= old[2] and new[3] >= old[3]
        for new, old in zip(grown, boxes, strict=True)
    )
    return grown if held else [(0, 0, width, height)] * len(boxes)
