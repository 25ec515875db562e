"""The demo as a process, as anybody starts it: its address, its memory, its files."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .process import free_port, running

KIB_PER_MB = 1000**2 / 1024


@dataclass(frozen=True)
class Server:
    """A running demo. folder: where its temporary files go."""

    port: int
    process: int
    folder: Path

    def health(self) -> dict:
        """What `GET /health` answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/health")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def idle(self, longest: float) -> float:
        """Seconds until nothing runs and nothing waits; raises TimeoutError after the longest."""
        begun = time.monotonic()
        while (state := self.health())["running"] or state["waiting"]:
            if time.monotonic() - begun > longest:
                raise TimeoutError(f"the demo is still at work after {longest:.0f} s: {state}")
            time.sleep(0.05)
        return time.monotonic() - begun

    def memory_mb(self, row: str = "VmRSS") -> float:
        """Resident memory, now (VmRSS) or at its most (VmHWM)."""
        status = Path(f"/proc/{self.process}/status").read_text()
        line = next(each for each in status.splitlines() if each.startswith(f"{row}:"))
        return int(line.split()[1]) / KIB_PER_MB

    def files(self) -> int:
        return sum(each.is_file() for each in self.folder.rglob("*"))


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Server]:
    """`python -m demo` with these arguments, its temporary files in an empty folder.

    Raises RuntimeError where it does not start.
    """
    port = free_port()
    command = [sys.executable, "-m", "demo", "--port", port, *arguments]
    with (
        tempfile.TemporaryDirectory() as other,
        running(command, port, Path(other) / "log", TMPDIR=str(folder)) as process,
    ):
        yield Server(port, process.pid, folder)
