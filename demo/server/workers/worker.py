"""The server's end of one worker: a process that does one piece of work at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe

from engine.batch.pool import uninterrupted
from engine.errors import EngineError

from ..folder import INHERITED, private_folder, uploads_folder

CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from demo.server.workers.serving import serve; serve(int(sys.argv[1]))"
)
# What the server orders, and what a worker answers.
GO_ON, LEAVE = "go on", "leave"
READY, STEP, END, ERROR = "ready", "step", "end", "error"
PATIENCE = 5.0  # seconds for a process to end by itself


class WorkerError(EngineError):
    """The process that did a visitor's work has ended, or none can be started."""


@dataclass(frozen=True)
class Call:
    """A function of a module, by their names, and what it is called with."""

    module: str
    function: str
    arguments: tuple
    named: dict


class Worker:
    """A process, and the line to it.

    busy: from the beginning of a piece of work to its end; used: whether it has had any.
    """

    def __init__(self) -> None:
        self.connection, its = Pipe()
        self.busy = self.used = False
        command = [sys.executable, "-c", CODE, json.dumps(sys.path), str(its.fileno())]
        # What its libraries write for a moment is swept, and goes with the server at the latest.
        own = {INHERITED: str(private_folder()), "TMPDIR": str(uploads_folder())}
        with uninterrupted(), its:  # Ctrl-C: the server ends its workers
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()], env=os.environ | own
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait_until_ready(self) -> None:
        """Until it has loaded what it needs. Raises WorkerError where it ends before."""
        try:
            self.connection.recv()
        except (EOFError, OSError):
            raise WorkerError(f"a worker cannot be started ({self.end()})") from None

    def result(self, call: Call) -> object:
        """What a function returns. Raises what it raises; WorkerError where the process ends."""
        self.busy = self.used = True
        return self._finished(*self._answer(call, call))

    def steps(self, call: Call) -> Iterator[object]:
        """What a generator yields, each step computed when it is asked for; raises as `result`."""
        self.busy = self.used = True
        kind, value = self._answer(call, call)
        while kind == STEP:
            try:
                yield value
            except GeneratorExit:
                with suppress(EngineError):
                    self._finished(*self._answer(LEAVE, call))
                raise
            kind, value = self._answer(GO_ON, call)
        return self._finished(kind, value)

    def _finished(self, kind: str, value: object) -> object:
        self.busy = False
        if kind == ERROR:
            raise value
        return value

    def _answer(self, order: object, call: Call) -> tuple[str, object]:
        try:
            self.connection.send(order)
            return self.connection.recv()
        except (EOFError, OSError):
            how = f"a worker has ended in {call.module}.{call.function} ({self.end()})"
            print(how, file=sys.stderr, flush=True)
            raise WorkerError(
                "The work on it ended unexpectedly, and nothing of it was kept: try again, perhaps "
                "with a smaller picture"
            ) from None

    def end(self) -> str:
        """End the process, whatever it is doing; how it has ended, in words."""
        self.connection.close()
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
