"""A batch on several processes: each with models of its own, and a share of the threads.

A process that dies, for want of memory or by a fault in a library, costs the picture that it had,
which is refused; another process takes its place. Only the first process, which has the manifest,
writes files. When it ends, in whatever way, the others do.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tqdm import tqdm

from ..errors import EngineError, ImageError, SetupError, UsageError
from ..system.threads import ENVIRONMENT, threads
from ..terminal.failures import engine_error
from .work import Report, Task, Work, recorded

MOST = 256
# Read when libraries are loaded; the first is ours, which ONNX Runtime's and PyTorch's follow.
THREADS = (ENVIRONMENT, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """A picture for another process: the bytes of its file, its name, its results' stem."""

    data: bytes
    image: str
    stem: str


@dataclass
class Answer:
    """What came of a job: its report and files, or the error that refused it.

    fatal: the error ends the batch; dead: the process that had the job has ended; said: what was
    printed on stderr on the way.
    """

    report: Report | None = None
    files: dict[Path, bytes] = field(default_factory=dict)
    error: EngineError | None = None
    fatal: bool = False
    dead: bool = False
    said: str = ""


def check_workers(workers: int) -> None:
    """Raise UsageError for a number of processes that makes no sense."""
    if not 1 <= workers <= MOST:
        raise UsageError(f"--workers {workers}: give a whole number from 1 to {MOST}")


# --- in another process ---


def serve(connection: Connection, task: Task) -> None:
    """Answer jobs until there are no more, or the first process has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the first process ends the others
    tqdm.set_lock(threading.RLock())  # nothing of the system's that would outlive a kill
    threading.Thread(target=end_with_the_first, daemon=True).start()
    worker = Worker(task)
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        connection.send(worker.answer(job))


def end_with_the_first() -> None:
    """End this process, whatever it is doing, when the one that started it has ended."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


class Worker:
    """Does a task's jobs, one after another."""

    def __init__(self, task: Task):
        self.task = task
        self.work: Work | None = None

    def answer(self, job: Job) -> Answer:
        """The job done. What goes wrong is in the answer."""
        said = io.StringIO()
        with redirect_stderr(said):
            answer = self._done(job)
        answer.said = said.getvalue()
        return answer

    def _done(self, job: Job) -> Answer:
        answer = Answer()
        try:
            picture = self.task.opened(job.data, job.image)
            if self.work is None:
                answer.fatal = True
                self.work = self.task.prepare()
                answer.fatal = False
            answer.report = self.work(picture, job.image, job.stem, answer.files.update)
        except Exception as error:
            answer.fatal, answer.error = refusal(error, job.image, fatal=answer.fatal)
        return answer


def refusal(error: Exception, image: str, *, fatal: bool) -> tuple[bool, EngineError]:
    """Whether an error ends the batch, and the error as a user sees it."""
    if fatal:
        return True, engine_error(error)
    try:
        return False, recorded(error, image)
    except EngineError as known:
        return True, known


# --- in the first process ---


@dataclass
class Process:
    """Another process, its end of the line, and the number and job that it has."""

    process: multiprocessing.process.BaseProcess
    connection: Connection
    number: int = -1
    job: Job | None = None

    def give(self, number: int, job: Job) -> None:
        self.number, self.job = number, job
        with suppress(OSError):  # it has died: so says its answer
            self.connection.send(job)

    def answer(self) -> tuple[int, Answer]:
        """The answer to its job; that it has died is one."""
        number, job, self.job = self.number, self.job, None
        try:
            return number, self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return number, Answer(error=died(job.image, self.process.exitcode), dead=True)

    @property
    def alive(self) -> bool:
        return self.process.exitcode is None


def died(image: str, code: int | None) -> ImageError:
    """The error of a picture whose process has ended, with its exit code."""
    how = f"exit code {code}"
    if code is not None and code < 0:
        how = signal.Signals(-code).name
    remedy = "if memory was short, scale it down or use fewer --workers"
    return ImageError(f"{image}: the process that worked on it ended ({how}): {remedy}")


class Pool:
    """Up to `count` processes for one task, started as they are needed; a context manager."""

    def __init__(self, task: Task, count: int):
        self.task, self.count = task, count
        self.processes: list[Process] = []
        self.deaths = 0  # since the last answer

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.processes:
            each.connection.close()
            if each.job:
                each.process.terminate()
        for each in self.processes:
            each.process.join()

    def answers(
        self, jobs: Iterator[tuple[int, Job | None]]
    ) -> Iterator[tuple[int, Answer | None]]:
        """The answer to each job, by its number, in the order in which they come; None to None.

        Raises the error of an answer that is fatal, and SetupError where processes end one after
        another and none answers.
        """
        for number, job in jobs:
            if job is None:
                yield number, None
                continue
            yield from self._until_one_is_free()
            next(each for each in self.processes if each.job is None).give(number, job)
        while any(each.job for each in self.processes):
            yield self._next()

    def _until_one_is_free(self) -> Iterator[tuple[int, Answer]]:
        while all(each.job for each in self.processes):
            if len(self.processes) < self.count:
                self.processes.append(started(self.task, self.count))
            else:
                yield self._next()

    def _next(self) -> tuple[int, Answer]:
        """The next answer that comes."""
        busy = {each.connection: each for each in self.processes if each.job}
        chosen = busy[wait(list(busy))[0]]
        number, answer = chosen.answer()
        if chosen.alive:
            self.deaths = 0
        else:
            self.deaths += 1
            self.processes.remove(chosen)
            chosen.connection.close()
        if answer.fatal:
            raise answer.error
        if self.deaths > 2 * self.count + 1:
            remedy = "leave --workers out, which shows why"
            raise SetupError(f"one process after another ends ({answer.error}): {remedy}")
        return number, answer


def started(task: Task, count: int) -> Process:
    """A new process, one of `count`."""
    context = multiprocessing.get_context("spawn")  # a fork would share locks of running threads
    ours, its = context.Pipe()
    process = context.Process(target=serve, args=(its, task), daemon=True)
    with share_of_threads(count), uninterrupted():
        process.start()
    its.close()
    return Process(process, ours)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """An interrupt waits until this has ended, and processes begun meanwhile never get one.

    They ignore it as soon as they can; before that, while they import, it would be a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def share_of_threads(count: int) -> Iterator[None]:
    """What is started within gets one of `count` shares of the threads, at least one thread."""
    share = str(max(1, threads() // count))
    former = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, share))
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Relay:
    """Prints on stderr what other processes have said: each line once, for all say the same."""

    def __init__(self) -> None:
        self.lines: set[str] = set()

    def __call__(self, said: str) -> None:
        for line in said.splitlines():
            if line not in self.lines:
                self.lines.add(line)
                print(line, file=sys.stderr, flush=True)
