"""The demo in a process of its own, started as anybody does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.evaluate.load.process import free_port, running


@contextmanager
def served(log: Path, *arguments: str, **environment: str) -> Iterator[int]:
    """The port of `python -m demo` with these arguments and variables."""
    port = free_port()
    command = [sys.executable, "-m", "demo", "--port", port, *arguments]
    with running(command, port, log, **environment):
        yield port
