"""A process that serves a Gradio app on this machine: started, waited for, and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]
LONGEST_START = 300.0  # seconds; a loaded machine imports slowly
LONGEST_END = 60.0
CONFIG = "/config"  # Gradio's, with the page and without it
OTHERS = ("GRADIO_TEMP_DIR",)  # a folder of another demo in this process, which it sweeps


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def running(
    command: Sequence[object],
    port: int,
    log: Path,
    *,
    cwd: Path = ROOT,
    inherited: Mapping[str, str] = os.environ,
    **variables: str,
) -> Iterator[subprocess.Popen]:
    """The process of a command that serves there, from its first answer to the end of the block.

    log: a file for what it prints. inherited: the variables it has beside these. Raises
    RuntimeError, with the end of the log, where it ends or does not answer.
    """
    environment = {name: text for name, text in inherited.items() if name not in OTHERS} | variables
    with log.open("w") as stream:
        process = subprocess.Popen(
            [str(part) for part in command], cwd=cwd, env=environment, stdout=stream, stderr=stream
        )
    try:
        until = time.monotonic() + LONGEST_START
        while not answers(port):
            if process.poll() is not None or time.monotonic() > until:
                words = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{command[1:]} does not start:\n{words}")
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(LONGEST_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    """Whether something serves there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{CONFIG}", timeout=10) as page:
            return page.status == 200
    except (OSError, ValueError):
        return False
