"""A process that serves: waited for, and ended, also where it does not start."""

from __future__ import annotations

import os
import sys

import pytest

from training.evaluate.load import process
from training.evaluate.load.process import free_port, running

# Serves one address after a moment; where TEMP says so it does not end when it is told to.
SERVER = """
import os, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
print(os.environ.get("GRADIO_TEMP_DIR"), os.environ["OWN"], flush=True)
if "deaf" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/config" else 404)
        self.end_headers()
time.sleep(0.5)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.parametrize("further", [(), ("deaf",)])
def test_it_is_there_in_the_block_and_gone_after_it(further, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "of another demo")
    monkeypatch.setattr(process, "LONGEST_END", 1.0)
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-c", SERVER, port, *further]
    try:
        with running(command, port, log, OWN="its own") as found:
            assert process.answers(port)
            raise KeyError
    except KeyError:
        pass
    assert found.poll() is not None
    assert not process.answers(port)
    assert log.read_text().splitlines()[0] == "None its own"
    assert "OWN" not in os.environ


def test_what_it_printed_is_told_where_it_does_not_start(tmp_path):
    command = [sys.executable, "-c", "print('no such port'); raise SystemExit(3)"]
    with pytest.raises(RuntimeError, match="no such port"), running(command, 9, tmp_path / "log"):
        pass


def test_it_is_ended_where_it_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LONGEST_START", 0.5)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    port = free_port()
    with (
        pytest.raises(RuntimeError, match="does not start"),
        running(command, port, tmp_path / "log"),
    ):
        pass
