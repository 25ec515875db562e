"""The method `search`: quantised coefficients are changed until the file is smallest.

It goes on where `bisect` has stopped, at the resolution of its file. A photo begins as a plain JPEG
of low quality. Each step takes the panel's gradient with respect to the pixels of the decoded file
back to the quantised coefficients. Where the file holds, the coefficients that bring the least
evidence for a bit are made smaller, mostly zero, and those that bring the most make up for them;
where it does not, evidence is bought until it does. Every file is written and decoded by a reader
at every step: nothing but the direction rests on the model of decoding. Where evidence does not
come back, the search returns to its best file and saves less. With a JOD to keep, likeness to the
original counts beside evidence, the more the more often eyes were what failed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...images.picture import resize as resized
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
from .bisect import bisect
from .moves import changed

QUALITIES = (10, 25, 50, 80, 95)  # at which it begins, the first that comes to hold
CONTENT = 25  # quality of the coefficients that stand for what another codec encodes
FLATNESS = 0.8  # of the quantisation table, against the standard's example
LARGEST = 4_000_000  # pixels of what is searched: a step takes the longer the more there are
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
LIKENESS = 0.3  # of likeness beside evidence, with a JOD to keep, at first,
DOUBLING = 2.0  # times more each time that eyes were what failed


@dataclass(frozen=True)
class SearchStep(Progress):
    """Where a search stands: the smallest file so far that holds, None where there is none yet."""

    best: Encoded | None


def run(trials: Trials, resize: bool, faithfulness: float = 0.0) -> Iterator[Progress]:
    """The method's row: after `bisect`, at the resolution of its file; both offer to `trials`.

    The panel with gradients is `trials.slopes`; faithfulness: as in `search`. A file of more than
    LARGEST pixels stays as it is.
    """
    yield from bisect(trials, resize)
    size = trials.size if trials.best is None else tuple(trials.best.settings["size"])
    if size[0] * size[1] > LARGEST:
        return
    lowest = QUALITIES[0] if trials.plain is None else trials.plain.settings["quality"]
    found: list[Encoded] = []
    begun = trials.progress("").share
    try:
        for step in search(
            trials.kept,
            trials.slopes,
            trials.format,
            size=size,
            lowest=lowest,
            faithfulness=faithfulness,
        ):
            if step.best is not None and step.best not in found[-1:]:
                found.append(step.best)
            yield SearchStep(step.doing, begun + (1 - begun) * step.share, step.best)
    finally:  # also where it is closed before its end
        if found:
            trials.offer(larger(found, trials.larger))


def larger(found: list[Encoded], factor: float) -> Encoded:
    """Of ever smaller files the last that is `factor` times as large as the last of all, or more.

    Where none is: the first.
    """
    least = factor * len(found[-1].data)
    return next((each for each in reversed(found) if len(each.data) >= least), found[0])


def search(
    kept: Kept,
    panel: Differentiable,
    format: Format,
    *,
    size: tuple[int, int] | None = None,
    lowest: int = QUALITIES[0],
    steps: int = STEPS,
    max_seconds: float | None = None,
    faithfulness: float = 0.0,
) -> Iterator[SearchStep]:
    """Look for the smallest file of a photo, `kept.pixels`, that keeps all it must.

    panel: its classifiers with gradients; size: (width, height) of the file, by default the
    photo's; lowest: the quality at which it begins, if it is below the usual one; steps: gradients
    taken at most; ends early after max_seconds; faithfulness: weight of likeness to the photo
    beside evidence (`engine.compress.methods.faithful`). The last step has the result. Each best
    file was decoded by a reader and holds.
    """
    started = time.monotonic()
    width, height = size or kept.pixels.shape[1::-1]
    pixels = resized(kept.pixels, width, height)
    done, best = 0, None
    for quality, problem in problems(kept, panel, pixels, format, lowest):
        for tried, held in enumerate(descent(problem, faithfulness)):
            done += 1
            if held is not None:
                settings = {
                    "begun_at_quality": quality,
                    "subsampling": subsampling(held, format),
                    "size": [width, height],
                    "steps": done,
                }
                best = Encoded(held.data, format.name, settings)
            late = max_seconds is not None and time.monotonic() - started > max_seconds
            found = "nothing holds yet" if best is None else f"{len(best.data):,} bytes"
            yield SearchStep(f"step {done}: {found}", done / steps, best)
            if done >= steps or late:
                return
            if best is None and tried + 1 == TRIES:
                break
        if best is not None:
            return


def subsampling(state: State, format: Format) -> str:
    """Of the chroma: a JPEG whose chroma is zero is written as a grey one."""
    grey = format.name == "jpeg" and not any(plane.any() for plane in state.coefficients[1:])
    return "4:0:0" if grey else format.subsamplings[0]


def problems(
    kept: Kept, panel: Differentiable, pixels: np.ndarray, format: Format, lowest: int
) -> Iterator[tuple[int, Problem]]:
    """Where a search may begin, and the quality of its files, the lowest first."""
    if format.name == "jpeg":
        for quality in (min(lowest, QUALITIES[0]), *QUALITIES[1:]):
            table = scaled(flattened(LUMINANCE, FLATNESS), quality)
            yield quality, Problem(kept, panel, pixels, table)
        return
    table = scaled(LUMINANCE, CONTENT)
    for quality in (format.qualities[0], *QUALITIES):
        yield quality, Precoded(kept, panel, pixels, table, format, quality)


def descent(problem: Problem, faithfulness: float = 0.0) -> Iterator[State | None]:
    """From a plain file on: after each step the smallest state so far that holds, or None.

    Ends where nothing is gained any more, and where the plain file is not good enough for eyes.
    """
    state, best = problem.begin(), None
    share, failed, slopes, likeness = SHARE, 0, None, LIKENESS
    while True:
        held, unseen = state.holds, seen_alike(problem.kept, state)
        if held and unseen:
            failed = 0
            if best is None or len(state.data) < len(best.data):
                best, share = state, min(share * GROWTH, MOST)
        else:
            failed += 1
        yield best
        if held and not unseen:
            if best is None:
                return
            likeness, failed = likeness * DOUBLING, PATIENCE + 1
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
            missing = float(weights @ np.maximum(2 * LEAD - finite(state.margins), 0))
            saving, needed = 0.0, NEED * URGENCY ** (failed - 1) * missing
        wanted = slopes
        if problem.kept.see is not None:
            wanted = joined(slopes, problem.likeness(state), likeness)
        alike = alikeness(problem, state, slopes, faithfulness) if faithfulness else None
        state = problem.look(changed(state.coefficients, wanted, saving, needed, alike))


def seen_alike(kept: Kept, state: State) -> bool:
    """Whether a state that holds keeps a JOD too, where one is to be kept."""
    return not state.holds or kept.see is None or kept.jod(state.pixels) >= kept.see


def joined(slopes: Planes, likeness: Planes, weight: float) -> Planes:
    """Slopes of evidence and of likeness, the second of `weight` times the first's magnitude."""
    squares = (sum(float((p**2).sum()) for p in planes) for planes in (slopes, likeness))
    evidence, other = (np.sqrt(each) for each in squares)
    factor = weight * (evidence or 1.0) / (other or 1.0)
    return tuple(one + factor * two for one, two in zip(slopes, likeness, strict=True))


def alikeness(
    problem: Problem, state: State, slopes: Planes, weight: float
) -> tuple[Planes, Planes]:
    """Gains of likeness, in all of `weight` times the evidence's magnitude.

    Their own magnitude is that of a coefficient which is exact and is changed by one.
    """
    curvature = problem.table.astype(float) ** 2 / 2
    exact = sum(plane[..., 0, 0].size for plane in slopes) * float((curvature**2).sum())
    evidence = sum(float((plane**2).sum()) for plane in slopes)
    factor = weight * np.sqrt(evidence / exact)
    return tuple(tuple(factor * plane for plane in planes) for planes in problem.gains(state))


def urgency(state: State, held: bool) -> np.ndarray:
    """Weights of the members, P: larger the nearer each is to losing what it must keep."""
    margins = np.where(np.isfinite(state.margins), state.margins, np.inf)
    if not np.isfinite(margins).any():  # none can lose it
        return np.zeros_like(margins)
    if held:
        weights = np.exp(-SHARPNESS * (margins - margins.min()))
    else:
        weights = 1 / (1 + np.exp(np.minimum(SHARPNESS * (margins - LEAD), 50)))
    return np.where(weights < LEAST, 0, weights)


def finite(margins: np.ndarray) -> np.ndarray:
    """Margins with zero where none counts."""
    return np.where(np.isfinite(margins), margins, 0)


def mixed(before: Planes | None, slopes: Planes) -> Planes:
    """Slopes averaged with those before, of which `MEMORY` stays."""
    if before is None:
        return slopes
    return tuple(MEMORY * old + (1 - MEMORY) * new for old, new in zip(before, slopes, strict=True))
