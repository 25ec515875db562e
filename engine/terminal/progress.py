"""Progress on stderr: drawn where that is a terminal, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

from ..system.progress import Progress

Result = TypeVar("Result")


class Announcement:
    """Lines on stderr, printed at most once: when there is something that they are about."""

    def __init__(self, *lines: str):
        self._lines = lines

    def __call__(self) -> None:
        for line in self._lines:
            tqdm.write(line, file=sys.stderr)  # above a bar that is drawn
        self._lines = ()


@contextmanager
def progress(total: float = 1.0, *, keep: bool = False) -> Iterator[Callable[[float, str], None]]:
    """A bar, as a function of how much of `total` is done and what is being done.

    keep: leave the last state on the screen, unless it is below the bar of a batch.
    """
    layout = "{bar:24} {desc}"
    leave = None if keep else False  # None: if it is the first of the bars
    with tqdm(total=total, bar_format=layout, disable=None, leave=leave, file=sys.stderr) as bar:

        def show(done: float, text: str) -> None:
            if not bar.disable:
                bar.n = min(done, total)
                bar.set_description_str(text)

        yield show


def draw(
    steps: Iterable[Progress | Result],
    *,
    keep: bool = False,
    announce: Callable[[], None] = lambda: None,
) -> Result:
    """Go through long work's steps, each `Progress` drawn; returns the last one, its result.

    announce: called at every step, before it is drawn.
    """
    with progress(keep=keep) as show:
        for step in steps:
            announce()
            if isinstance(step, Progress):
                show(step.share, step.doing)
    return step
