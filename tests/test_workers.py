"""`--workers`: the results of one process, from several; one that dies costs its picture alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from engine.batch import pool
from engine.batch.collection import Item
from engine.batch.outcomes import one_by_one, side_by_side
from engine.batch.pool import Worker, share_of_threads, uninterrupted
from engine.batch.work import Report, Task
from engine.commands import cli
from engine.errors import ImageError, SetupError, StorageError, WeightsError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, photos) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        Image.fromarray(photos["chelsea"][number : number + 64, :80]).save(folder / f"{number}.png")
    (folder / "3.png").write_bytes(b"no picture")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ["human", "--array", "--psnr", "30"],
        ["machine", "--panel", "cifar10"],
        ["compress", "--panel", "cifar10", "--format", "webp"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_several_processes_give_what_one_gives(pictures, tmp_path, arguments, capfd):
    command, *options = arguments
    printed = []
    for name, workers in (("one", []), ("two", ["--workers", "2"])):
        out = ["--out", str(tmp_path / name), "--json"]
        assert cli.main([command, str(pictures), *options, *out, *workers]) == 1
        captured = capfd.readouterr()
        printed.append(captured.out.replace(str(tmp_path / name), "OUT"))
        assert "1 of 5 pictures refused" in captured.err
        lines = captured.err.splitlines()
        announced = [each for each in lines if not each.startswith(("error: ", "1 of 5"))]
        assert len(announced) == 1  # what computes, once for all processes
    one, two = ([without_seconds(line) for line in text.splitlines()] for text in printed)
    assert one == two
    results = [path for path in sorted((tmp_path / "one").iterdir()) if path.suffix != ".jsonl"]
    assert len(results) >= 4
    for path in results:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
    assert [path.name for path in (tmp_path / "two").iterdir() if path.name.startswith(".")] == []
    assert cli.main([command, str(pictures), *options, *out]) == 1  # the same manifest
    assert "4 of 5 pictures were done before" in capfd.readouterr().err


def without_seconds(line: str) -> dict:
    report = json.loads(line)
    report.pop("seconds", None)
    return report


# --- what goes wrong, with tasks that other processes import from here ---


def work(picture, image, stem, save) -> Report:
    """Names say what happens to a picture."""
    name = Path(image).stem
    if name.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("exit"):
        os._exit(7)
    if name.startswith("refuse"):
        raise ImageError(f"{image}: refused")
    if name.startswith("setup"):
        raise SetupError("a library is broken")
    print("note: said", file=sys.stderr)
    threads = "/".join(os.environ[each] for each in pool.THREADS)
    return Report({"image": image, "threads": threads, "size": picture.size}, "text")


def prepare(error: Exception | None = None):
    if error is not None:
        raise error
    return work


def items(folder: Path, *names: str) -> list[Item]:
    for name in names:
        Image.new("RGB", (3, 2)).save(folder / f"{name}.png")
    return [Item(str(folder / f"{name}.png"), name) for name in names]


def test_a_process_that_dies_costs_its_picture_alone(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("JND_THREADS", "4")
    names = ("a", "kill", "b", "refuse", "exit", "c")
    outcomes = list(side_by_side(items(tmp_path, *names), Task(prepare), None, 2))
    assert [Path(each.image).stem for each in outcomes] == list(names)
    assert [each.error is None for each in outcomes] == [True, False, True, False, False, True]
    errors = [str(each.error) for each in outcomes if each.error]
    assert "kill.png: the process that worked on it ended (SIGKILL)" in errors[0]
    assert errors[1].endswith("refuse.png: refused")
    assert "(exit code 7)" in errors[2]
    assert outcomes[0].report.data["threads"] == "2/2/2/2"
    assert os.environ["JND_THREADS"] == "4"
    assert capfd.readouterr().err == "note: said\n"


def test_processes_that_all_die_end_the_batch(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    names = [f"kill{number}" for number in range(9)]
    with pytest.raises(SetupError, match="one process after another ends"):
        list(side_by_side(items(tmp_path, *names), Task(prepare), None, 1))


@pytest.mark.parametrize(
    ("task", "name", "kind"),
    [
        (Task(partial(prepare, WeightsError("missing"))), "a", WeightsError),
        (Task(partial(prepare, ValueError("odd"))), "a", ValueError),
        (Task(prepare), "setup", SetupError),
    ],
)
def test_what_is_no_pictures_fault_ends_the_batch_in_either_way(tmp_path, task, name, kind):
    answer = Worker(task).answer(pool.Job(items(tmp_path, name)[0].image.encode(), name, name))
    assert not answer.fatal  # those bytes are no picture: nothing was prepared
    data = (tmp_path / f"{name}.png").read_bytes()
    answer = Worker(task).answer(pool.Job(data, name, name))
    assert answer.fatal
    with pytest.raises(kind) as alone:
        list(one_by_one(items(tmp_path, name), task))
    assert str(alone.value) in str(answer.error)


def test_a_full_disk_ends_the_batch(tmp_path, monkeypatch):
    from engine.batch import outcomes

    def full(*_):
        raise StorageError("full")

    monkeypatch.setattr(outcomes, "write_files", full)
    answer = pool.Answer(Report({}, ""), {tmp_path / "a": b""})
    with pytest.raises(StorageError):
        outcomes.settled(outcomes.Source("a", "a", ""), answer, None)


def test_threads_are_shared_out(monkeypatch):
    for total, count, share in ((8, 2, "4"), (8, 3, "2"), (2, 8, "1")):
        monkeypatch.setenv("JND_THREADS", str(total))
        monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
        with share_of_threads(count):
            assert {os.environ[name] for name in pool.THREADS} == {share}
        assert os.environ["JND_THREADS"] == str(total)
        assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("workers", ["0", "-1", "1000"])
def test_a_number_of_processes_that_makes_no_sense(pictures, tmp_path, workers, capsys):
    arguments = ["human", str(pictures), "--out", str(tmp_path / "out"), "--workers", workers]
    assert cli.main(arguments) == 2
    assert "give a whole number from 1 to 256" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def alive(group: int) -> list[str]:
    """The processes of a group that have not ended, as Linux shows them; elsewhere none."""
    states = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ends while we look
            states.append(path.read_text().rpartition(")")[2].split())
    return [fields[0] for fields in states if fields[2] == str(group) and fields[0] != "Z"]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_a_process_that_begins_gets_no_interrupt():
    """Not even before its own first line: here it never says that it ignores one."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('went on')"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with uninterrupted():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("went on\n", "")
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_an_interrupt_ends_the_other_processes(pictures, tmp_path):
    """Ctrl-C goes to all processes of a terminal; one line and code 130, and no process is left."""
    names = tmp_path / "list.txt"
    names.write_text(f"{pictures / '0.png'}\n" * 400)
    command = ["human", str(names), "--model", "wu2017", "--out", str(tmp_path / "out"), "--json"]
    running = subprocess.Popen(
        [sys.executable, "-m", "engine", *command, "--workers", "2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job ignores interrupts, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stdout.readline().startswith("{")
    os.killpg(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert error.splitlines()[-1] == "interrupted"
    assert "Traceback" not in error
    until = time.monotonic() + 10
    while alive(running.pid):
        assert time.monotonic() < until
        time.sleep(0.05)
