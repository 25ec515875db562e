"""Functions and generators that are run in a worker, wherever the server has any.

Without a pool (in a worker itself, in a program that imports a handler, on Windows) they are what
they were: called in place.
"""

from __future__ import annotations

import atexit
import inspect
import sys
from collections.abc import Callable
from functools import wraps

from .pool import Pool
from .worker import Call

_pool: Pool | None = None


def start(most: int) -> None:
    """Start the pool of this process, of up to so many workers; returns when the first is ready.

    Raises WorkerError where none starts. On Windows nothing happens.
    """
    global _pool
    if sys.platform == "win32" or _pool is not None:
        return
    pool = Pool(most)
    atexit.register(pool.close)
    pool.start()
    _pool = pool


def forget() -> None:
    """Let workers that were not used for a while end, and what they hold."""
    if _pool is not None:
        _pool.forget()


def in_worker(function: Callable) -> Callable:
    """Decorator: run a function of a module, or a generator function, in a worker.

    Arguments and results, the steps of a generator too, are copied from one process to the other,
    and errors raised as they are. A generator that is closed is closed there, and the worker free
    when that is done. Raises WorkerError, besides, where the process ends.
    """
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def steps(*arguments, **named):
            if _pool is None:
                return (yield from function(*arguments, **named))
            with _pool.worker() as worker:
                return (yield from worker.steps(call_of(function, arguments, named)))

        return steps

    @wraps(function)
    def call(*arguments, **named):
        if _pool is None:
            return function(*arguments, **named)
        with _pool.worker() as worker:
            return worker.result(call_of(function, arguments, named))

    return call


def call_of(function: Callable, arguments: tuple, named: dict) -> Call:
    return Call(function.__module__, function.__qualname__, arguments, named)
