"""What the demo keeps: a private folder, swept while it runs and gone when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.server import folder
from demo.server.limits import DEFAULT

pytest.importorskip("gradio")


def test_what_is_old_is_swept_and_what_is_new_stays(tmp_path):
    old, new = tmp_path / "a" / "old.png", tmp_path / "b" / "new.png"
    for path in (old, new):
        path.parent.mkdir()
        path.write_bytes(b"x")
    past = time.time() - 700
    os.utime(old, (past, past))
    assert folder.sweep(tmp_path, 600) == 1
    assert not old.exists()
    assert new.exists()


def test_the_sweep_goes_on_by_itself(monkeypatch):
    path = folder.private_folder() / "files" / "left.bin"
    path.write_bytes(b"x")
    thread = folder.start_sweeping(age=0.01, every=0.05)
    until = time.monotonic() + 20
    while path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not path.exists()
    assert thread.daemon


def test_the_page_is_told_to_keep_nothing():
    from demo.app import build, settings

    blocks = build()
    assert blocks.analytics_enabled is False
    assert blocks.delete_cache == (DEFAULT.sweep_seconds, DEFAULT.keep_seconds)
    assert blocks._queue.max_size == DEFAULT.queue
    served = settings()
    assert served["run_history"] is False
    assert served["enable_monitoring"] is False
    assert served["max_file_size"] == DEFAULT.upload_bytes
    for function in blocks.fns.values():
        if function.api_visibility == "public":
            assert function.concurrency_limit in (1, "default")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_folder_goes_with_the_process(tmp_path, how):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        # A shell's background jobs ignore it, and so would what they start.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from demo.server.folder import private_folder\n"
        "(private_folder() / 'files' / 'a.png').write_bytes(b'x')\n"
        "print(private_folder(), flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    environment.pop("GRADIO_TEMP_DIR", None)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    place = Path(process.stdout.readline().strip())
    assert place.parent == tmp_path
    assert (place / "files" / "a.png").is_file()
    process.send_signal(how)
    process.wait(30)
    assert not place.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_says_what_it_can_do(tmp_path, capsys):
    from demo.__main__ import main, parser

    options = parser().parse_args(
        ["--host", "0.0.0.0", "--port", "7000", "--collect", str(tmp_path)]
    )
    assert (options.host, options.port, options.collect, options.share) == (
        "0.0.0.0",
        7000,
        tmp_path,
        False,
    )
    blocked = tmp_path / "a file"
    blocked.write_text("")
    assert main(["--collect", str(blocked)]) == 2
    assert "choose another folder" in capsys.readouterr().err
