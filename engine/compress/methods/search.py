"""The method `search`: quantised coefficients are changed until the file is smallest.

A photo begins as a plain JPEG of low quality. Each step takes the panel's gradient with respect to
the pixels of the decoded file back to the quantised coefficients. Where the file holds, the
coefficients that bring the least evidence for a bit are made smaller, mostly zero, and those that
bring the most make up for them; where it does not, evidence is bought until it does. Every file
is written and decoded by a reader at every step: nothing but the direction rests on the model of
decoding. Where evidence does not come back, the search returns to its best file and saves less.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...machine.refine import Differentiable
from ...system.progress import Progress
from ..encoded import Encoded
from ..formats import Format
from ..jpeg.layout import Planes
from ..jpeg.precoded import Precoded
from ..jpeg.problem import Problem, State
from ..jpeg.tables import LUMINANCE, flattened, scaled
from ..kept import Kept
from ..trials import Trials
from .moves import changed

QUALITIES = (10, 25, 50, 80, 95)  # at which it begins, the first that comes to hold
CONTENT = 25  # quality of the coefficients that stand for what another codec encodes
FLATNESS = 0.8  # of the quantisation table, against the standard's example
STEPS = 60
TRIES = 12  # steps at one of them before it is given up
LEAD = 0.3  # logits by which a member shall keep what it must
SHARPNESS = 3.0  # with which members that are nearer to losing it weigh more
LEAST = 0.05  # weight of a member that is given to the panel at all
SHARE = 0.08  # of a file's bits that a step saves, at first,
GROWTH = 1.15  # times more after each step that gains,
MOST = 0.3  # up to this
ENOUGH = 0.004  # below which it ends
PATIENCE = 3  # steps without holding, after which it returns
NEED = 2.0  # times the missing evidence is bought at first,
URGENCY = 1.6  # times more with each further step that fails
MEMORY = 0.7  # of the gradients before
SPENDING = 0.5  # of the evidence to spare, in one step


@dataclass(frozen=True)
class SearchStep(Progress):
    """Where a search stands: the smallest file so far that holds, None where there is none yet."""

    best: Encoded | None


def run(trials: Trials, resize: bool) -> Iterator[Progress]:
    """The method's row: its file is offered to `trials`, whose panel gives gradients.

    resize is not taken: the picture keeps its resolution.
    """
    best = None
    try:
        for step in search(trials.kept, trials.slopes, trials.format):
            best = step.best
            yield step
    finally:  # also where it is closed before its end
        if best is not None:
            trials.offer(best)


def search(
    kept: Kept,
    panel: Differentiable,
    format: Format,
    *,
    steps: int = STEPS,
    max_seconds: float | None = None,
) -> Iterator[SearchStep]:
    """Look for the smallest file of a photo, `kept.pixels`, that keeps all it must.

    panel: its classifiers with gradients; steps: gradients taken at most; ends early after
    max_seconds. The last step has the result. Each best file was decoded by a reader and holds.
    """
    started = time.monotonic()
    done, best = 0, None
    for quality, problem in problems(kept, panel, format):
        for tried, held in enumerate(descent(problem)):
            done += 1
            if held is not None:
                chroma = format.subsamplings[0]
                settings = {"quality": quality, "subsampling": chroma, "steps": done}
                best = Encoded(held.data, format.name, settings)
            late = max_seconds is not None and time.monotonic() - started > max_seconds
            size = "nothing holds yet" if best is None else f"{len(best.data):,} bytes"
            yield SearchStep(f"step {done}: {size}", done / steps, best)
            if done >= steps or late:
                return
            if best is None and tried + 1 == TRIES:
                break
        if best is not None:
            return


def problems(kept: Kept, panel: Differentiable, format: Format) -> Iterator[tuple[int, Problem]]:
    """Where a search may begin, and the quality of its files, the lowest first."""
    if format.name == "jpeg":
        for quality in QUALITIES:
            table = scaled(flattened(LUMINANCE, FLATNESS), quality)
            yield quality, Problem(kept, panel, (table, table))  # a second one costs 65 bytes
        return
    table = scaled(LUMINANCE, CONTENT)
    for quality in (format.qualities[0], *QUALITIES):
        yield quality, Precoded(kept, panel, (table, table), format, quality)


def descent(problem: Problem) -> Iterator[State | None]:
    """From a plain file on: after each step the smallest state so far that holds, or None."""
    state, best = problem.look(problem.begin()), None
    share, failed, slopes = SHARE, 0, None
    while True:
        held = holds(problem.kept, state)
        if held:
            failed = 0
            if best is None or len(state.data) < len(best.data):
                best, share = state, min(share * GROWTH, MOST)
        else:
            failed += 1
        yield best
        if best is not None and failed > PATIENCE:
            state, share, failed, slopes, held = best, share / 2, 0, None, True
            if share < ENOUGH:
                return
        weights = urgency(state, held)
        slopes = mixed(slopes, problem.slopes(state, weights))
        if held:
            spare = float(weights @ np.maximum(finite(state.margins) - LEAD, 0))
            saving, needed = share * 8 * len(state.data), -SPENDING * spare
        else:
            missing = float(weights @ np.maximum(2 * LEAD - state.margins, 0))
            saving, needed = 0.0, NEED * URGENCY ** (failed - 1) * missing
        state = problem.look(changed(state.coefficients, slopes, saving, needed))


def holds(kept: Kept, state: State) -> bool:
    """Whether a state keeps it all, for eyes too."""
    return state.holds and (kept.see is None or kept.jod(state.pixels) >= kept.see)


def urgency(state: State, held: bool) -> np.ndarray:
    """Weights of the members, P: larger the nearer each is to losing what it must keep."""
    if held:
        weights = np.exp(-SHARPNESS * (state.margins - state.margins.min()))
    else:
        weights = 1 / (1 + np.exp(np.minimum(SHARPNESS * (state.margins - LEAD), 50)))
    return np.where(weights < LEAST, 0, weights)


def finite(margins: np.ndarray) -> np.ndarray:
    """Margins with zero where none counts."""
    return np.where(np.isfinite(margins), margins, 0)


def mixed(before: Planes | None, slopes: Planes) -> Planes:
    """Slopes averaged with those before, of which `MEMORY` stays."""
    if before is None:
        return slopes
    return tuple(MEMORY * old + (1 - MEMORY) * new for old, new in zip(before, slopes, strict=True))
