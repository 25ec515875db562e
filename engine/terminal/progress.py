"""Progress on stderr: drawn where that is a terminal, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress(total: float = 1.0, *, keep: bool = False) -> Iterator[Callable[[float, str], None]]:
    """A bar, as a function of how much of `total` is done and what is being done.

    For an `engine.system.progress.Progress`: show(step.share, step.doing).
    keep: leave the last state on the screen.
    """
    layout = "{bar:24} {desc}"
    with tqdm(total=total, bar_format=layout, disable=None, leave=keep, file=sys.stderr) as bar:

        def show(done: float, text: str) -> None:
            if not bar.disable:
                bar.n = min(done, total)
                bar.set_description_str(text)

        yield show
