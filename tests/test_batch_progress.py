"""The bar of a batch: pictures, their rate and the time left, on a terminal and nowhere else."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import pytest
from PIL import Image

from engine.commands import cli

ROOT = Path(__file__).parents[1]


@pytest.fixture
def human(tmp_path) -> list[str]:
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        Image.new("RGB", (20, 20), (number, 0, 0)).save(tmp_path / "pictures" / f"{number}.png")
    arguments = ["human", str(tmp_path / "pictures"), "--model", "wu2017", "--json"]
    return [*arguments, "--out", str(tmp_path / "out")]


def test_a_terminal_shows_pictures_rate_and_time_left(human):
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        os.execv(sys.executable, [sys.executable, "-m", "engine", *human])
    shown = b""
    try:
        while data := os.read(terminal, 4096):
            shown += data
    except OSError:  # Linux's way of saying that the other side has ended
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"| 3/3 [" in shown
    assert b" pictures" in shown
    assert shown.count(b'{"image"') == 3


def test_elsewhere_there_is_none(human, capfd):
    assert cli.main(human) == 0
    captured = capfd.readouterr()
    assert "/3" not in captured.err
    assert len(captured.out.splitlines()) == 3
