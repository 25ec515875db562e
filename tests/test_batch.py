"""A batch: whatever goes wrong with one picture is its error line, and the rest goes on."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from engine.batch.collection import Item, collect
from engine.batch.outcomes import one_by_one
from engine.batch.work import Task
from engine.commands import cli
from engine.errors import SetupError, StorageError
from engine.machine.jnd import MachineJND


class OutOfMemoryError(RuntimeError):
    """As PyTorch's, of a module of that name."""


class Fail(Exception):  # noqa: N818 (the name it has there)
    """As ONNX Runtime's, which have no public base class."""


Fail.__module__ = "onnxruntime.capi.onnxruntime_pybind11_state"
CASES = {
    "memory": (MemoryError(), "not enough memory"),
    "numpy": (MemoryError("Unable to allocate 9 GiB"), "scale it down"),
    "torch, CUDA": (OutOfMemoryError("CUDA out of memory.\nTried 2 GiB"), "use --device cpu"),
    "torch": (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "scale it down"),
    "onnxruntime": (Fail("CUBLAS failure 3\n at node 7"), "--device cpu"),
    "onnxruntime, memory": (Fail("Failed to allocate memory"), "not enough memory"),
    "disk": (OSError(28, "No space left on device", "/full"), "/full: No space left on device"),
    "fault": (KeyError("labels"), "please report it"),
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, photos) -> list[str]:
    folder = tmp_path_factory.mktemp("pictures")
    for name in "abc":
        Image.fromarray(photos["chelsea"][:64, :64]).save(folder / f"{name}.png")
    return [str(folder / f"{name}.png") for name in "abc"]


@pytest.mark.parametrize("case", CASES)
def test_what_goes_wrong_is_that_pictures_error(case, pictures, tmp_path, monkeypatch, capsys):
    error, words = CASES[case]
    whole, calls = MachineJND.__call__, []

    def failing(self, image, **options):
        calls.append(image)
        if len(calls) == 2:
            raise error
        return whole(self, image, **options)

    monkeypatch.setattr(MachineJND, "__call__", failing)
    assert cli.main(["machine", *pictures, "--out", str(tmp_path), "--json"]) == 1
    captured = capsys.readouterr()
    reports = [json.loads(line) for line in captured.out.splitlines()]
    assert ["error" in report for report in reports] == [False, True, False]
    assert words in reports[1]["error"]
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert errors == [f"error: {reports[1]['error']}"]
    assert "Traceback" not in captured.err
    assert "1 of 3 pictures refused" in captured.err


def test_a_developer_gets_the_traceback(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JND_DEBUG", "1")
    monkeypatch.setattr(MachineJND, "__call__", lambda *_, **options: {}["labels"])
    assert cli.main(["machine", pictures[0], "--out", str(tmp_path)]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_outside_of_a_batch_it_is_one_line_too(pictures, monkeypatch, capsys):
    monkeypatch.setattr("engine.metrics.quality.psnr_8bit", lambda *_: np.zeros(2)[5])
    assert cli.main(["quality", *pictures[:2], "--model", "wu2017"]) == 1
    error = capsys.readouterr().err
    assert "IndexError" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("error", [SetupError("torch cannot be loaded"), StorageError("full")])
def test_what_is_no_pictures_fault_ends_the_batch(pictures, error):
    def work(*_):
        raise error

    with pytest.raises(type(error)):
        list(one_by_one([Item(each, "a") for each in pictures], Task(lambda: work)))


def test_nothing_is_prepared_where_no_picture_can_be_read(pictures):
    def opened(data, image):
        raise ValueError(image)

    task = Task(lambda: pytest.fail("prepared"), opened)
    done = list(one_by_one([Item(each, "a") for each in pictures], task))
    assert [each.image for each in done] == pictures
    assert all(each.error is not None for each in done)


def test_names_are_cut_to_what_a_file_system_takes():
    long = "é" * 125
    images = [f"a/{long}.png", f"b/{long}.png", "é" * 120 + ".png", "-", "stdin.png"]
    names = [item.stem for item in collect(images).items]
    assert len(set(names)) == len(names)
    assert names[0] == "é" * 120
    assert names[1] == "é" * 119 + "-2"
    assert names[2] == "é" * 118 + "-3" or names[2] == "é" * 119 + "-3"
    assert names[3:] == ["stdin", "stdin-2"]
    for name in names:
        assert len(os.fsencode(f"{name}.distorted.png")) <= 255


def test_a_long_name_goes_through(photos, tmp_path):
    picture = tmp_path / ("é" * 120 + ".png")
    Image.fromarray(photos["chelsea"][:64, :64]).save(picture)
    out = tmp_path / "out"
    assert cli.main(["machine", str(picture), "--out", str(out)]) == 0
    assert (out / ("é" * 120 + ".distorted.png")).is_file()
    longer = tmp_path / ("x" * 251 + ".png")
    picture.rename(longer)
    assert cli.main(["machine", str(longer), "--out", str(out)]) == 0
    assert (out / ("x" * 240 + ".figure.png")).is_file()
