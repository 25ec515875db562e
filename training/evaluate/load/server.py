"""The demo as a process, as anybody starts it: its address, its memory, its files."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
LONGEST_START = 300.0  # seconds
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
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: text for name, text in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", "--port", str(port), *arguments],
        cwd=ROOT,
        env=environment | {"TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(port, process.pid, folder)
    try:
        until = time.monotonic() + LONGEST_START
        while not answers(server):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the demo does not start: try `python -m demo`")
            time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(server: Server) -> bool:
    try:
        return server.health()["status"] == "ok"
    except (OSError, http.client.HTTPException, ValueError):
        return False
