"""Memory that is free is returned, whichever thread had it."""

from __future__ import annotations

import sys

import pytest
from loopback_hub import run

# Eight threads, each with 30 MB in small parts, all of it freed; prints the MB that stay.
CODE = """
import ctypes, sys, threading
from engine.system.memory import return_free_memory, use_one_arena
if "one" in sys.argv:
    use_one_arena()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
def resident():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1000
def take(size, count):
    parts = [libc.malloc(size) for _ in range(count)]
    for part in parts: ctypes.memset(part, 1, size)
    barrier.wait()
    for part in parts: libc.free(part)
    ended.wait()
barrier, ended = threading.Barrier(1), threading.Event()
ended.set()
take(32_000_000, 1)  # from now on glibc maps nothing smaller
before = resident()
barrier, ended = threading.Barrier(9), threading.Event()
threads = [threading.Thread(target=take, args=(60_000, 500)) for _ in range(8)]
for thread in threads: thread.start()
barrier.wait()
for _ in range(20): return_free_memory(); ended.wait(0.1)
print(resident() - before)
ended.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_with_one_arena_all_that_is_free_is_returned():
    kept = {}
    for way in ("several", "one"):
        done = run("-c", CODE, way)
        assert done.returncode == 0, done.stderr
        kept[way] = float(done.stdout)
    assert kept["one"] < 5 < kept["several"]


def test_the_demo_sees_to_it(monkeypatch):
    pytest.importorskip("gradio")
    from demo import app
    from demo.server import folder

    calls = []
    monkeypatch.setattr(app, "use_one_arena", lambda: calls.append("one arena"))

    def load():
        calls.append("load")
        raise KeyboardInterrupt

    monkeypatch.setattr(app.preload, "load", load)
    with pytest.raises(KeyboardInterrupt):
        app.launch()
    assert calls == ["one arena", "load"]

    class EndedError(Exception):
        pass

    def returned():
        calls.append("returned")
        raise EndedError

    monkeypatch.setattr(folder, "return_free_memory", returned)
    monkeypatch.setattr(folder.threading, "excepthook", lambda _: None)
    folder.start_sweeping(600, 0.01, lambda: calls.append("forgotten")).join(10)
    assert calls[2:] == ["forgotten", "returned"]
