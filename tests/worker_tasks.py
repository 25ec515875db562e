"""Functions for workers of the demo, which the tests let end, wait and fail."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from demo.server.workers.calls import in_worker


@in_worker
def process() -> int:
    return os.getpid()


@in_worker
def sized(count: int) -> bytes:
    return bytes(count)


@in_worker
def count(to: int, log: Path) -> Iterator[int]:
    """Each step, and the end, is written down when it is computed."""
    try:
        for number in range(to):
            with log.open("a") as stream:
                stream.write(f"{number} ")
            yield number
    finally:
        with log.open("a") as stream:
            stream.write("end")


@in_worker
def fail(module: str, name: str) -> Iterator[int]:
    yield 1
    raise getattr(import_module(module), name)("a value: a remedy")


@in_worker
def end() -> Iterator[int]:
    """As by a fault in a library, at the second step."""
    yield os.getpid()
    os.kill(os.getpid(), signal.SIGKILL)


@in_worker
def wait_for(file: Path) -> int:
    while not file.exists():
        time.sleep(0.02)
    return os.getpid()
