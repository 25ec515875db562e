"""The demo as a process, as anybody starts it: its address, its memory, its files."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

    def processes(self) -> list[int]:
        """The server and its workers."""
        found = [self.process]
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError, StopIteration):  # one that has just ended
                if row(status.read_text(), "PPid") == self.process:
                    found.append(int(status.parent.name))
        return found

    def memory_mb(self) -> float:
        """Memory of all of them; what several share counts once, a part for each."""
        total = 0
        for process in self.processes():
            with suppress(OSError, StopIteration):
                total += row(Path(f"/proc/{process}/smaps_rollup").read_text(), "Pss")
        return total / KIB_PER_MB

    def files(self) -> int:
        return sum(each.is_file() for each in self.folder.rglob("*"))


def row(table: str, name: str) -> int:
    """The number in a row of one of the system's tables. Raises StopIteration where it is not."""
    line = next(each for each in table.splitlines() if each.startswith(f"{name}:"))
    return int(line.split()[1])


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
