"""The workers of a server: each piece of work gets one, and one that ends is replaced."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Thread

from .worker import Worker, WorkerError

KEPT = 2  # workers that there are without any work
UNUSED = 120.0  # seconds without work after which one is ended, and what it held with it
TRIES = 3  # starts in a row that fail


class Pool:
    """Up to `most` workers. One without work stands ready, as long as there are fewer.

    May be used from several threads.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.idle: list[tuple[float, Worker]] = []  # since when; the one used last comes last
        self.working: list[Worker] = []
        self.starting = self.failures = 0
        self.closed = False
        self.changed = Condition()

    def start(self) -> None:
        """Start those that are kept; returns when the first is ready. Raises WorkerError."""
        with self.changed:
            for _ in range(min(KEPT, self.most)):
                self._start_one()
            self._wait_for_one()

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        """A worker for one piece of work, as soon as there is one. Raises WorkerError."""
        with self.changed:
            self._wait_for_one()
            _, worker = self.idle.pop()
            self.working.append(worker)
            self._keep_one_ready()
        try:
            yield worker
        finally:
            usable = not worker.busy and worker.alive
            if not usable:
                worker.end()
            with self.changed:
                self.working.remove(worker)
                if usable and not self.closed:
                    self.idle.append((time.monotonic(), worker))
                else:
                    self._keep_one_ready()
                self.changed.notify()

    def forget(self) -> None:
        """End those that had no work for a while, and start others where too few are left.

        The one used last stays, so that the next visitor finds one that has all its models.
        """
        until, unused = time.monotonic() - UNUSED, []
        with self.changed:
            for each in self.idle[:-1]:
                since, worker = each
                if since < until and (worker.used or self._count() > KEPT):
                    self.idle.remove(each)
                    unused.append(worker)
            while not self.closed and self._count() < min(KEPT, self.most):
                self._start_one()
        for worker in unused:
            worker.end()

    def close(self) -> None:
        """End all; those at work stop in the middle of it."""
        with self.changed:
            self.closed = True
            workers = [*(worker for _, worker in self.idle), *self.working]
            self.idle.clear()
            self.changed.notify_all()
        for worker in workers:  # a thread may be waiting for the answer of one
            worker.process.kill()
        for worker in workers:
            worker.process.wait()

    # --- with the lock held ---

    def _count(self) -> int:
        return len(self.idle) + len(self.working) + self.starting

    def _wait_for_one(self) -> None:
        """Until one is idle. Raises WorkerError where none is left, and none can be started."""
        before = self.failures
        while True:
            self._drop_ended()
            self._keep_one_ready()
            if self.idle:
                return
            if self.closed or (self.failures - before >= TRIES and not self.working):
                raise WorkerError("no worker can be started: end other programs, and try again")
            self.changed.wait(1.0)

    def _drop_ended(self) -> None:
        for each in [each for each in self.idle if not each[1].alive]:
            self.idle.remove(each)
            each[1].end()

    def _keep_one_ready(self) -> None:
        ready = self.idle or self.starting
        if not (ready or self.closed) and self._count() < self.most:
            self._start_one()

    def _start_one(self) -> None:
        self.starting += 1
        Thread(target=self._started, daemon=True, name="worker").start()

    # --- in a thread of its own ---

    def _started(self) -> None:
        worker = None
        try:
            worker = Worker()
            worker.wait_until_ready()
        except (OSError, WorkerError):  # memory is short
            worker = None
        with self.changed:
            self.starting -= 1
            if worker is None:
                self.failures += 1
            elif not self.closed:
                self.idle.insert(0, (time.monotonic(), worker))  # those that have worked come first
            self.changed.notify_all()
        if worker is not None and self.closed:
            worker.end()
