"""Batches side by side, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def side_by_side(workers: int) -> Iterator[Callable]:
    """A map over batches in so many processes; in this one where that is one.

    They end with this one, also when it is told to by SIGTERM.
    """
    if workers == 1:
        yield lambda work, *arguments: map(work, *arguments)
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool.map
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        signal.signal(signal.SIGTERM, before)
