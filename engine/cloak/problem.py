"""What a search is given: the parts of the photos around the faces, and the views of them.

A view is a version of the file, as a function with a gradient, and the alignment that was found in
it. Needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from ..attack import transforms
from ..attack.observers import ClosedSet, FaceObserver, Verification, View
from ..attack.problem import Problem
from ..faces.chip import Chip
from ..faces.finder import FaceFinder
from ..faces.gallery import Identity
from ..images.jpeg import JpegSaving
from ..images.parts import Box, equally_large, put_back, region
from ..networks.recogniser import Recogniser
from .judge.verdict import find_again
from .judge.versions import PNG, SCALES, Standard, version
from .state import FaceState

TEMPERATURE = 0.05  # of verification: a lead of one is that much distance
FIVE = 5 * transforms.GRID  # pixels: 45 % of it is whole as well
SMALLER = {0.5: transforms.half, 0.45: transforms.scaled(0.45)}
# How each version is saved in the search. WebP has no arithmetic there: a JPEG that blurs as much.
QUALITIES = {"jpeg90": 90, "jpeg75": 75, "jpeg70": 70, "webp80": 60, "webp75": 50}
QUALITIES |= {"half+jpeg80": 80, "45%+jpeg75": 75}


def transform_of(
    name: str, saving: JpegSaving | None = None
) -> Callable[[torch.Tensor], torch.Tensor]:
    """A version of the file by its name, n×3×H×W -> the same kind, with a gradient.

    saving: how the file is saved, if as a JPEG: gone through for the file itself alone, since the
    others lose more.
    """
    resize, save = SMALLER.get(SCALES.get(name, 1.0), transforms.same), save_of(name, saving)
    return lambda x: save(resize(x))


def save_of(name: str, saving: JpegSaving | None = None) -> Callable[[torch.Tensor], torch.Tensor]:
    """How a version is saved, without its change of size."""
    if saving is not None and name in PNG:
        return transforms.jpeg_of(*saving.tables)
    return transforms.jpeg(QUALITIES[name]) if name in QUALITIES else transforms.same


def grid_of(names: list[str], saving: JpegSaving | None = None) -> int:
    """Pixels on which a part has to begin, so that blocks lie as in the whole photo."""
    if all(name in PNG for name in names):
        return 1 if saving is None else transforms.GRID
    return FIVE if any(SCALES.get(name) == 0.45 for name in names) else transforms.GRID


def first_views(finder: FaceFinder, state: FaceState, standard: Standard) -> list[tuple[str, Chip]]:
    """The views of the first attempt: each version of the clean photo, and its alignment.

    In the photo itself the face was found already.
    """
    views = []
    for name in standard.first:
        if name in PNG and not state.moved:
            views.append((name, state.face.chip))
            continue
        changed = np.ascontiguousarray(version(name, state.photo, standard.saving))
        scale = changed.shape[1] / state.photo.shape[1]
        face, _ = find_again(finder, changed, state.face, scale)
        views.append((name, face.chip))
    return views


def problem_of(
    recogniser: Recogniser,
    states: list[FaceState],
    margin: float,
    device: str,
    saving: JpegSaving | None = None,
) -> tuple[list[Box], Problem]:
    """The parts of the photos to change, equally large, and the problem on them.

    saving: how the files are saved, if as JPEGs.
    """
    names = [name for name, _ in states[0].views]
    grid = grid_of(names, saving)
    height, width = states[0].photo.shape[:2]
    boxes = []
    for state in states:
        full = [
            tuple(math.ceil(value / SCALES.get(name, 1.0)) for value in chip.box)
            for name, chip in state.views
        ]
        boxes.append(region(full, width, height, grid))
    boxes = equally_large(boxes, width, height, grid)
    views = []
    for number, name in enumerate(names):
        scale = SCALES.get(name, 1.0)
        chips = tuple(
            state.views[number][1].within(round(scale * box[0]), round(scale * box[1]))
            for state, box in zip(states, boxes, strict=True)
        )
        views.append(View(transform_of(name, saving), chips))
    clean = cut([state.photo for state in states], states, boxes, device)
    parts = [state.threshold.part(box) for state, box in zip(states, boxes, strict=True)]
    threshold = torch.stack([torch.from_numpy(each.copy()).permute(2, 0, 1) for each in parts])
    head, labels = head_of(states)
    problem = Problem(
        clean=clean,
        threshold=(threshold[:, : clean.shape[1]] / 255).to(device),
        observer=FaceObserver(recogniser, views, head),
        labels=labels[:, None].expand(-1, len(views)).contiguous().to(device),
        targeted=states[0].goal.targeted,
        margin=margin / head.temperature,
    )
    return boxes, problem


def cut(
    photos: list[np.ndarray], states: list[FaceState], boxes: list[Box], device: str
) -> torch.Tensor:
    """The same part of other photos: float32 n×3×h×w in 0…1; n×1×h×w if black and white."""
    planes = 1 if states[0].grey else 3
    parts = [
        torch.from_numpy(photo[top:bottom, left:right, :planes].copy()).permute(2, 0, 1)
        for photo, (left, top, right, bottom) in zip(photos, boxes, strict=True)
    ]
    return torch.stack(parts).to(device).float() / 255


def head_of(states: list[FaceState]) -> tuple[ClosedSet | Verification, torch.Tensor]:
    """What the descriptors are asked, of goals of one kind, and the labels of the states."""
    goal = states[0].goal
    if isinstance(goal, Identity):
        labels = torch.tensor([state.goal.label for state in states])
        return ClosedSet(goal.gallery.centroids, goal.gallery.temperature), labels
    enrolled = [state.goal.enrolled for state in states]
    head = Verification(enrolled, goal.threshold, TEMPERATURE)
    return head, torch.zeros(len(states), dtype=torch.int64)


def pasted(state: FaceState, box: Box, best: torch.Tensor) -> np.ndarray:
    """The photo with another part, float32 3×h×w in 0…1, or 1×h×w."""
    part = (best.cpu() * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return put_back(state.photo, box, part)
