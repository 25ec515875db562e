"""The method `bisect`: quality, chroma subsampling and resolution, by verified search.

A panel's answers are not monotonic in the quality: a lower one may hold where a higher does not.
So after each bisection some qualities below its result are tried as well, and the least of all.
Other chroma subsamplings and resolutions begin at the highest quality whose file is smaller than
the best so far: files are encoded for this, which costs little, and only promising ones are given
to the panel.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

from ...system.progress import Progress
from ..formats import Setting
from ..trials import Trials

CLIMB = (12, 25, 50, 75, 88, 95)  # qualities tried first; most photos hold at one of the lowest
BELOW = (2, 3, 5)  # by how much the quality is lowered below one that holds; 1 is tried already
PATIENCE = 2  # qualities of another subsampling or resolution that may fail, one below the other
LARGE = 1024  # pixels: a longer side above it is halved,
SHRINK = 0.8  # one below it shrinks by this factor
SMALLEST = 16  # pixels of the shorter side
GIVE_UP = 2  # resolutions, one below the other, that gain nothing


def plain(trials: Trials) -> Iterator[Progress]:
    """Standard settings: the lowest quality that holds, as far as bisection finds it."""
    least, most = trials.format.qualities
    start = Setting(most, trials.format.subsamplings[0], trials.size)
    low = least - 1  # the highest quality known to fail, below the one that holds
    for quality in (*CLIMB, most):
        yield trials.progress(f"quality {quality}")
        if trials.holds(replace(start, quality=quality)):
            yield from descend(trials, replace(start, quality=quality), low)
            return
        low = quality


def bisect(trials: Trials, resize: bool = False) -> Iterator[Progress]:
    """The smallest file by quality and subsampling, with `resize` by resolution too; after `plain`.

    It is `trials.best` at the end; None where no setting holds.
    """
    for subsampling in trials.format.subsamplings[1:]:
        yield trials.progress(f"chroma {subsampling}")
        yield from undercut(trials, subsampling, trials.size)
    if not resize:
        return
    chroma, idle = trials.format.subsamplings[0], 0
    for size in sizes(trials.size):
        before = trials.bytes
        chroma = chroma if trials.best is None else trials.best.settings["subsampling"]
        yield trials.progress(f"{size[0]}×{size[1]} pixels")
        yield from undercut(trials, chroma, size)
        idle = 0 if trials.bytes < before else idle + 1
        if idle == GIVE_UP:
            return


def undercut(trials: Trials, subsampling: str, size: tuple[int, int]) -> Iterator[Progress]:
    """Look for a file of this subsampling and resolution that is smaller than the best so far."""
    start = Setting((yield from ceiling(trials, subsampling, size)), subsampling, size)
    least = trials.format.qualities[0]
    for quality in range(start.quality, max(start.quality - PATIENCE, least - 1), -1):
        yield trials.progress(f"quality {quality}")
        if trials.holds(replace(start, quality=quality)):
            yield from descend(trials, replace(start, quality=quality), least - 1)
            return


def descend(trials: Trials, held: Setting, low: int) -> Iterator[Progress]:
    """From a quality that holds down to the lowest that does, by bisection, and some below.

    The least of all is among these. low: a quality that fails, or one below the least.
    """
    least = trials.format.qualities[0]
    while held.quality - low > 1:
        middle = (held.quality + low) // 2
        yield trials.progress(f"quality {middle}")
        if trials.holds(replace(held, quality=middle)):
            held = replace(held, quality=middle)
        else:
            low = middle
    searching = True
    while searching:
        searching = False
        for quality in (*(held.quality - step for step in BELOW), least):
            below = replace(held, quality=quality)
            if least <= quality < held.quality and trials.holds(below):
                held, searching = below, True
                yield trials.progress(f"quality {below.quality}")
                break


def ceiling(
    trials: Trials, subsampling: str, size: tuple[int, int]
) -> Generator[Progress, None, int]:
    """The highest quality whose file is smaller than the best so far; below the least for none.

    Files grow with the quality; it is found from the best file's quality by doubled steps.
    """
    least, most = trials.format.qualities
    if trials.best is None:
        return most

    def fits(quality: int) -> Generator[Progress, None, bool]:
        yield trials.progress(f"size at quality {quality}")
        return trials.smallest(Setting(quality, subsampling, size)) < trials.bytes

    known = min(max(trials.best.settings["quality"], least), most)
    step = 1
    if (yield from fits(known)):
        low, high = known, known + step
        while high <= most and (yield from fits(high)):
            step *= 2
            low, high = high, high + step
        high = min(high, most + 1)
    else:
        low, high = known - step, known
        while low >= least and not (yield from fits(low)):
            step *= 2
            low, high = low - step, low
        low = max(low, least - 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if (yield from fits(middle)) else (low, middle)
    return low


def sizes(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Lower and lower resolutions (width, height) of a picture, its aspect kept."""
    width, height = size
    scale = 1.0
    while True:
        scale *= 0.5 if scale * max(size) > LARGE else SHRINK
        smaller = max(1, round(width * scale)), max(1, round(height * scale))
        if min(smaller) < SMALLEST:
            return
        yield smaller
