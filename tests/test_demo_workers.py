"""The demo's work in processes of its own: one that ends costs its own visitor alone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import worker_tasks as tasks
from demo_visitor import Visitor, httpx

from demo.server.workers import calls, pool, worker
from demo.server.workers.worker import WorkerError
from engine.errors import EngineError
from engine.images.samples import sample_paths
from training.evaluate.load.process import free_port, running

pytest.importorskip("gradio")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there the server works itself")

ENDED = "ended unexpectedly"
CAT, *_, ASTRONAUT = map(str, sample_paths())
MOST = 2


@pytest.fixture(scope="module")
def workers() -> Iterator[pool.Pool]:
    made = pool.Pool(MOST)
    made.start()
    yield made
    made.close()


@pytest.fixture
def working(workers, monkeypatch) -> pool.Pool:
    monkeypatch.setattr(calls, "_pool", workers)
    return workers


def kinds(error: type[EngineError] = EngineError) -> list[type[EngineError]]:
    return [error, *(kind for each in error.__subclasses__() for kind in kinds(each))]


def until(true, seconds: float = 60.0):
    """What `true` gives as soon as that counts as true."""
    late = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < late
        time.sleep(0.05)
    return found


def test_without_workers_everything_is_done_in_place(tmp_path):
    assert tasks.process() == os.getpid()
    assert list(tasks.count(3, tmp_path / "log")) == [0, 1, 2]


def test_a_worker_is_another_process_and_the_next_work_has_the_same(working):
    assert tasks.process() == tasks.process() != os.getpid()
    assert len(tasks.sized(50_000_000)) == 50_000_000


def test_steps_are_computed_when_they_are_asked_for(working, tmp_path):
    log = tmp_path / "log"
    assert list(tasks.count(3, log)) == [0, 1, 2]
    assert log.read_text() == "0 1 2 end"
    log.unlink()
    steps = tasks.count(1000, log)
    assert (next(steps), next(steps)) == (0, 1)
    assert log.read_text() == "0 1 "
    steps.close()
    assert log.read_text() == "0 1 end"
    assert all(not worker.busy for _, worker in working.idle)


def test_every_error_of_the_engine_is_raised_as_itself(working):
    first = tasks.process()
    found = kinds()
    assert len(found) > 8
    for kind in found:
        with pytest.raises(kind, match="a value: a remedy") as caught:
            list(tasks.fail(kind.__module__, kind.__qualname__))
        assert type(caught.value) is kind
    assert tasks.process() == first


def test_another_error_is_no_end_of_the_worker_and_tells_nothing_of_the_work(working):
    first = tasks.process()
    with pytest.raises(RuntimeError) as caught:
        list(tasks.fail("builtins", "KeyError"))
    assert str(caught.value) == "KeyError in worker_tasks.fail"
    assert tasks.process() == first


def test_a_worker_that_ends_costs_its_own_work_alone(working, tmp_path, capfd):
    go, others = tmp_path / "go", []
    other = threading.Thread(target=lambda: others.append(tasks.wait_for(go)))
    other.start()
    until(lambda: len(working.working) == 1)
    steps = tasks.end()
    ended = next(steps)
    with pytest.raises(WorkerError, match=ENDED):
        next(steps)
    assert "a worker has ended in worker_tasks.end (SIGKILL)" in capfd.readouterr().err
    assert tasks.process() not in (ended, os.getpid())  # of a new one
    go.touch()
    other.join()
    assert others[0] != ended


def test_one_that_ends_without_work_is_replaced_unseen(working):
    until(lambda: len(working.idle) == MOST)
    before = [worker.process for _, worker in working.idle]
    for process in before:
        process.kill()
        process.wait()
    assert tasks.process() not in [process.pid for process in before]


def test_no_more_than_the_most_and_who_comes_later_waits(working, tmp_path):
    go, done = tmp_path / "go", []
    threads = [
        threading.Thread(target=lambda: done.append(tasks.wait_for(go))) for _ in range(2 * MOST)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(working.working) == MOST)
    time.sleep(0.5)
    assert len(working.working) == MOST
    assert (working.idle, working.starting) == ([], 0)
    go.touch()
    for thread in threads:
        thread.join()
    assert len(done) == 2 * MOST
    assert len(set(done)) == MOST


def test_what_workers_hold_goes_with_them_when_they_have_no_work(working, monkeypatch):
    until(lambda: len(working.idle) == MOST)
    first, last = (each for _, each in working.idle)
    first.used = True
    working.forget()
    assert first.alive  # it had work a moment ago
    monkeypatch.setattr(pool, "UNUSED", -1.0)
    working.forget()
    assert not first.alive
    assert last.alive
    until(lambda: len(working.idle) == MOST)
    fresh, stays = (each for _, each in working.idle)
    assert (fresh.used, stays) == (False, last)
    working.forget()
    assert fresh.alive  # there is nothing to forget
    monkeypatch.setattr(pool, "KEPT", 1)
    working.forget()
    assert [each for _, each in working.idle] == [last]


def test_where_no_worker_starts_the_demo_says_so(monkeypatch, capfd):
    from demo.__main__ import main

    monkeypatch.setattr(worker, "CODE", "raise SystemExit(7)")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process is the tests'
    assert main(["--port", "7999"]) == 2
    assert "error: no worker can be started: end other programs" in capfd.readouterr().err
    assert calls._pool is None


# --- on a real server ---


def state(process: object) -> list[str]:
    """What /proc says of a process after its name; nothing of one that has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if fields[0] == "Z" else fields


def lives(process: int) -> bool:
    return bool(state(process))


def children(parent: int) -> dict[int, int]:
    """The processes that a process has started: their time on a processor, in ticks."""
    fields = {int(each.name): state(each.name) for each in Path("/proc").glob("[0-9]*")}
    return {
        each: int(found[11]) + int(found[12])
        for each, found in fields.items()
        if found and int(found[1]) == parent
    }


def busiest(parent: int) -> int:
    """Of the processes that another has started, the one that works."""
    before = children(parent)
    time.sleep(1.0)
    after = children(parent)
    return max(before.keys() & after.keys(), key=lambda each: after[each] - before[each])


class Call(threading.Thread):
    """A call of a visitor of its own, in the background."""

    def __init__(self, url: str, name: str, **arguments) -> None:
        super().__init__()
        self.url, self.name_, self.arguments = url, name, arguments
        self.start()

    def run(self) -> None:
        visitor = Visitor(self.url)
        visitor.http.timeout = 240
        try:
            self.answer = visitor.named(self.name_, **self.arguments)
        except httpx.HTTPError as error:  # the server has ended
            self.answer = "gone", error
        visitor.close()

    def joined(self) -> tuple[str, object]:
        self.join()
        return self.answer


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_killed_worker_is_an_error_for_its_visitor_and_for_nobody_else(tmp_path):
    port, log = free_port(), tmp_path / "log"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "demo", "--port", port]
    with running(command, port, log, TMPDIR=str(temporary)) as server:
        url = f"http://127.0.0.1:{port}"
        until(lambda: len(children(server.pid)) >= pool.KEPT)
        cloak = {"photo": {"path": ASTRONAUT}, "method": "ours", "robust": True, "seconds": 120}
        first = Call(url, "cloak_face", **cloak)
        time.sleep(3)
        theirs = busiest(server.pid)
        other = Call(url, "read_watermark", photo={"path": CAT}, thorough=True)
        time.sleep(1)
        assert first.is_alive()
        assert other.is_alive()
        os.kill(theirs, signal.SIGKILL)
        kind, data = first.joined()
        assert kind == "error"
        assert ENDED in data["error"]
        kind, data = other.joined()
        assert (kind, data[0]["found"]) == ("complete", False)
        kind, data = Call(url, "cloak_face", **cloak | {"method": "fgsm", "robust": False}).joined()
        assert kind == "complete", data
        assert data[1]["size"] == [512, 512]
        assert "a worker has ended in demo.handlers.cloak.cloak (SIGKILL)" in log.read_text()
        # A server that is killed itself, in the middle of work, leaves no process behind.
        last = Call(url, "cloak_face", **cloak)
        time.sleep(3)
        left = children(server.pid)
        assert left
        server.kill()
        server.wait()
        until(lambda: not any(map(lives, left)), 20)
        assert last.joined()[0] == "gone"
