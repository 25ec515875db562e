"""A few gradient steps that mend a change where it costs a classifier its answer.

A generator's E holds for most classifiers at once; where it does not, weakening it (paper A's
homogeneity) gives up all of it for the sake of one. Instead E is moved along the gradient of the
lost labels until they are back, at its full strength. The gradient is a part of the exported
classifiers (`export.photo.graphs.PhotoClassifierGraph`), so none of this needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..images.picture import resize, resized
from ..panels.aim import Aim
from .homogeneity import distort

STEPS = 10
STEP = 0.03  # root mean square of a step at most, on the 0…1 scale
DAMPING = 1e-3  # of the gradients' products, by which their weights are kept small
SHARES = (1.0, 0.7, 0.45, 0.25)  # of E with which refining is begun, one after the other
AGAIN = 3  # steps on a large photo itself
PROXY = 2  # times the panel's side: a larger photo is refined on a copy of this size


class Differentiable(Protocol):
    """A panel that gives logits of pictures of any size, and gradients of them at its own."""

    size: int

    def view(self, pixels: np.ndarray) -> np.ndarray: ...

    def logits_of(self, pixels: np.ndarray) -> np.ndarray: ...

    def gradient(self, pixels: np.ndarray, pulls: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Refined:
    """Where a refinement stands.

    change: E, float32 1×3×size×size on the 0…1 scale; held: whether the picture with it keeps all
    that it must; logits: P×classes of that picture; pixels: that picture, of the copy's size.
    """

    change: np.ndarray
    held: bool
    logits: np.ndarray
    pixels: np.ndarray


def proxy(panel: Differentiable, pixels: np.ndarray) -> np.ndarray:
    """A photo uint8 H×W×3 as it is refined on: itself, or a smaller copy that the panel sees alike.

    The copy has PROXY times the panel's size, its aspect not kept.
    """
    side = PROXY * panel.size
    return resize(pixels, min(side, pixels.shape[1]), min(side, pixels.shape[0]))


def applied(pixels: np.ndarray, change: np.ndarray) -> np.ndarray:
    """A photo uint8 H×W×3 with E, 1×3×size×size, brought to its size: uint8 H×W×3."""
    enlarged = resized(change, pixels.shape[1], pixels.shape[0])
    return distort(pixels[None], enlarged, np.ones(1))[0]


def look(panel: Differentiable, pixels: np.ndarray, change: np.ndarray, aim: Aim) -> Refined:
    """What the panel predicts of a photo uint8 H×W×3 with E."""
    distorted = applied(pixels, change)
    logits = panel.logits_of(distorted[None])
    return Refined(change, bool(aim.holds(logits)[0]), logits[0], distorted)


def moved(panel: Differentiable, state: Refined, aim: Aim) -> np.ndarray:
    """E after the smallest step that, to first order, brings each member what it needs.

    The step is a sum of the members' gradients, weighted so that the log-odds of those that have
    lost something change as wanted and those of the others do not (Gauss-Newton). Its root mean
    square is STEP at most.
    """
    slopes = aim.slopes(state.logits)
    gradients = panel.gradient(panel.view(state.pixels[None]), slopes)
    flat = gradients.reshape(len(gradients), -1).astype(np.float64)
    products = flat @ flat.T
    products += np.eye(len(flat)) * (DAMPING * np.trace(products) / len(flat) + 1e-12)
    weights = np.linalg.solve(products, aim.wanted(state.logits))
    step = np.tensordot(weights, gradients.astype(np.float64), 1)
    size = float(np.sqrt(np.square(step).mean()))
    step *= min(1.0, STEP / max(size, 1e-12))
    return np.clip(state.change + step[None].astype(np.float32), -1, 1)


def refine(
    panel: Differentiable, pixels: np.ndarray, change: np.ndarray, aim: Aim, steps: int = STEPS
) -> Iterator[Refined]:
    """From E on, a state per gradient step, the first without one; ends when it holds.

    pixels: uint8 H×W×3; change: float32 1×3×size×size on the 0…1 scale.
    """
    state = look(panel, pixels, change, aim)
    yield state
    for _ in range(steps):
        if state.held:
            return
        state = look(panel, pixels, moved(panel, state, aim), aim)
        yield state


def mended(
    panel: Differentiable, pixels: np.ndarray, change: np.ndarray, aim: Aim, steps: int = STEPS
) -> tuple[np.ndarray, bool]:
    """E refined until it holds, begun anew with less of it where it does not come to that.

    pixels: uint8 H×W×3, of which a large one is refined on a smaller copy (`proxy`); change:
    float32 1×3×size×size on the 0…1 scale. Returns such an E, and whether it holds; where none
    does, the E that was given.
    """
    copy = proxy(panel, pixels)
    for share in SHARES:
        for state in refine(panel, copy, np.float32(share) * change, aim, steps):
            if state.held:
                return whole(panel, pixels, state, aim)
    return change, False


def whole(
    panel: Differentiable, pixels: np.ndarray, state: Refined, aim: Aim
) -> tuple[np.ndarray, bool]:
    """E that holds on a copy, refined a little on the photo uint8 H×W×3 where it does not there."""
    if pixels.shape == state.pixels.shape:
        return state.change, True
    for again in refine(panel, pixels, state.change, aim, AGAIN):
        if again.held:
            return again.change, True
    return state.change, False
