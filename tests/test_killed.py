"""A batch that is killed at any moment, or whose disk is full, goes on where it was ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from engine.commands import cli

ROOT = Path(__file__).parents[1]
COUNT, LARGE = 4, 6

# Ends itself without warning at one moment after another, each time in a child that has only to
# begin its work, not Python; then goes on to the end, and is compared with a run in one go.
MOMENTS = """
import os, signal, sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from engine.batch.manifest import Manifest
from engine.commands import cli
from engine.system import files

pictures, whole, out = sys.argv[1:]
arguments = ["human", pictures, "--model", "wu2017", "--out"]

def child(action):
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os._exit(action())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Moments:
    def __init__(self, last):
        self.left = last
    def __call__(self, half=lambda: None):
        self.left -= 1
        if self.left == 0:
            half()
            die()

def killed(last):
    moment = Moments(last)
    replace, fill, append = os.replace, files.Replacement.fill, Manifest._append
    def replaced(*given):
        moment()
        replace(*given)
        moment()
    def filled(self, data):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        moment(lambda: self.temporary.write_bytes(data[: len(data) // 2]))
        fill(self, data)
    def appended(self, source, record):
        moment(lambda: self._stream.write(b'{"stem": "' + source.stem.encode()))
        append(self, source, record)
        moment()
    os.replace, files.Replacement.fill, Manifest._append = replaced, filled, appended
    return cli.main([*arguments, out])

with redirect_stdout(StringIO()):
    assert cli.main([*arguments, whole]) == 0  # here: the children have all libraries then
moments, code = 0, -9
while code == -9 and moments < 100:  # each run lives one moment longer than the one before it
    moments += 1
    code = child(lambda: killed(moments))
assert code == 0, code
print(moments)
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, photos) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "in").mkdir()
    for number in range(COUNT):
        picture = Image.fromarray(photos["chelsea"][number : number + 60, :80])
        picture.save(folder / ("in" if number % 2 else "") / f"{number}.png")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder but manifests, by their names."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".jsonl"
    }


def done(out: Path) -> Counter:
    lines = (out / "human.manifest.jsonl").read_bytes().splitlines()
    return Counter(json.loads(line)["stem"] for line in lines)


def test_a_batch_that_ends_at_every_moment_is_as_one_in_one_go(pictures, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "out"
    command = [sys.executable, "-c", MOMENTS, str(pictures), str(whole), str(out)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 8  # all that there are for a picture of two files
    assert contents(out) == contents(whole)
    assert done(out) == done(whole)
    assert max(done(out).values()) == 1
    assert len(done(out)) == COUNT


def human(pictures: Path, out: Path, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "engine", "human", str(pictures), "--model", "wu2017"]
    return [*command, "--out", str(out), *arguments]


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_a_process_that_is_killed_leaves_no_half_file(pictures, tmp_path, workers):
    """The real command, with its workers, which end with it."""
    out = tmp_path / "out"
    large = tmp_path / "large"
    large.mkdir()
    for number in range(LARGE):
        with Image.open(pictures / "0.png") as picture:
            picture.resize((400, 300)).save(large / f"{number}.png")
    running = subprocess.Popen(
        human(large, out, *workers), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    while not (out / "human.manifest.jsonl").is_file() or not done_lines(out):
        assert time.monotonic() < until
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    before = done_lines(out)
    assert 0 < before < LARGE
    for name, data in contents(out).items():
        assert not name.endswith(".png") or data.endswith(b"IEND\xae\x42\x60\x82"), name
    assert cli.main(human(large, out)[3:]) == 0
    assert done_lines(out) == LARGE
    assert max(done(out).values()) == 1
    assert len(contents(out)) == 2 * LARGE
    assert not [path for path in out.rglob(".*") if path.is_file()]


def done_lines(out: Path) -> int:
    return (out / "human.manifest.jsonl").read_bytes().count(b"\n")


@pytest.fixture
def small_disk(tmp_path):
    """A folder with 200 kB of space, where this machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if (
        not sys.platform.startswith("linux")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing_and_is_one_line(pictures, small_disk, tmp_path, capsys):
    out = small_disk / "out"
    filler = small_disk / "filler"
    filler.write_bytes(bytes(170_000))
    assert cli.main(human(pictures, out)[3:]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "No space left on device" in errors[0]
    assert "make room" in errors[0]
    some = contents(out)
    assert 0 < len(some) < 2 * COUNT
    assert len(some) == 2 * done_lines(out)
    filler.unlink()
    assert cli.main(human(pictures, out)[3:]) == 0
    assert f"{len(some) // 2} of {COUNT} pictures were done before" in capsys.readouterr().err
    assert cli.main(human(pictures, tmp_path / "whole")[3:]) == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_a_full_disk_is_met_without_one_too(pictures, tmp_path, monkeypatch, capsys):
    """As above, where no file system can be mounted: the fourth file of results is too much."""
    from engine.system.files import Replacement

    fill, filled = Replacement.fill, []

    def full(self, data):
        filled.append(self.path)
        if len(filled) > 3:
            self.temporary.write_bytes(data[:10])
            self.filled = True
            raise OSError(28, "No space left on device", str(self.temporary))
        fill(self, data)

    out = tmp_path / "out"
    with monkeypatch.context() as context:
        context.setattr(Replacement, "fill", full)
        assert cli.main(human(pictures, out)[3:]) == 1
    assert capsys.readouterr().err.count("error: ") == 1
    assert len(filled) == 4
    assert len(contents(out)) == 2
    assert cli.main(human(pictures, out)[3:]) == 0
    assert len(contents(out)) == 2 * COUNT


def test_a_folder_that_is_read_only_is_one_line_before_any_work(
    pictures, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # root may do all
    monkeypatch.setattr("engine.batch.outcomes.read_bytes", lambda *_: pytest.fail("worked"))
    assert cli.main(human(pictures, tmp_path / "out")[3:]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_read_only_is_one_line(pictures, tmp_path, monkeypatch, capsys):
    def mkdir(self, *given, **options):
        raise OSError(30, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert cli.main(human(pictures, tmp_path / "out")[3:]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "Read-only file system" in line
