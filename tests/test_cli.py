"""`python -m engine`: what it prints, what it writes, how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.commands import cli
from engine.images.samples import sample_paths
from engine.machine.jnd import MachineJND

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def chelsea() -> str:
    return str(sample_paths()[0])


def engine(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_json_has_the_documented_keys(chelsea, tmp_path, capsys):
    arguments = ["machine", chelsea, "--out", str(tmp_path), "--json", "--device", "cpu"]
    assert cli.main(arguments) == 0
    captured = capsys.readouterr()
    (line,) = captured.out.splitlines()
    report = json.loads(line)
    wanted = {"image", "size", "psnr_db", "psnr_unclipped_db", "scale", "verified", "labels"}
    assert wanted | {"files"} <= set(report)
    assert report["size"] == [451, 300]
    assert report["verified"] is True
    assert set(report["labels"][0]) == {
        "classifier",
        "before",
        "after",
        "confidence_before",
        "confidence_after",
    }
    assert set(report["files"]) == {"distorted", "jnd", "cam", "figure"}
    for path in report["files"].values():
        with Image.open(path) as image:
            assert image.info == {}
            image.load()
    assert "CPUExecutionProvider" in captured.err


def test_the_table_is_readable(chelsea, tmp_path, capsys):
    assert cli.main(["machine", chelsea, "--panel", "cifar10", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for words in ("PSNR", "verified", "alexnet", "vgg", "resnet", "densenet", "resized from"):
        assert words in out


def test_a_bad_picture_does_not_stop_the_others(chelsea, tmp_path, capsys):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 truncated")
    out = tmp_path / "out"
    images = [str(broken), chelsea, str(tmp_path / "missing.png"), str(broken / "below")]
    assert cli.main(["machine", *images, "--out", str(out), "--json"]) == 1
    captured = capsys.readouterr()
    reports = [json.loads(line) for line in captured.out.splitlines()]
    assert [report["image"] for report in reports] == images
    assert ["error" in report for report in reports] == [True, False, True, True]
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert "3 of 4 pictures refused" in captured.err
    assert sorted(path.name for path in out.iterdir()) == [
        "chelsea.cam.png",
        "chelsea.distorted.png",
        "chelsea.figure.png",
        "chelsea.jnd.png",
    ]


def test_only_bad_pictures_leave_no_folder(tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["machine", str(tmp_path / "missing.png"), "--out", str(out)]) == 1
    assert not out.exists()


def test_pictures_of_one_name_get_files_of_their_own(chelsea, tmp_path):
    pixels = np.asarray(Image.open(chelsea))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels[:200]).save(tmp_path / folder / "cat.png")
    Image.fromarray(pixels[100:]).save(tmp_path / "cat-2.png")
    images = [str(tmp_path / name) for name in ("a/cat.png", "b/cat.png", "cat-2.png")]
    out = tmp_path / "out"
    assert cli.main(["machine", *images, "--out", str(out)]) == 0
    assert len(list(out.glob("*.figure.png"))) == 3


def test_an_impossible_folder_is_one_line_before_any_work(chelsea, tmp_path, capsys, monkeypatch):
    wall = tmp_path / "wall"
    wall.write_text("a file")
    monkeypatch.setattr(MachineJND, "__call__", lambda *given, **options: pytest.fail("worked"))
    assert cli.main(["machine", chelsea, "--out", str(wall / "out")]) == 1
    assert "choose another --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "cuda"], "CUDA was requested"),
        (["--weights", "/nonexistent"], "holds no alexnet-cifar10.onnx"),
        (["--strength", "5"], "outside 0.2…1.8"),
        (["--strength", "1.5", "--generator", "merged"], "has only one, 1"),
    ],
)
def test_wrong_set_up_is_exit_code_2(chelsea, tmp_path, capsys, arguments, words):
    if "cuda" in arguments:
        from engine.models.session import _has_driver

        if _has_driver():
            pytest.skip("a CUDA driver is here")
    assert cli.main(["machine", chelsea, "--out", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_help_is_quick_and_imports_nothing_heavy():
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        result = engine("--help")
        seconds.append(time.monotonic() - started)
        assert result.returncode == 0
    assert "machine" in result.stdout
    assert min(seconds) < 1
    code = (
        "import sys, runpy; sys.argv = ['engine', '--help']\n"
        "try: runpy.run_module('engine', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'onnxruntime', 'gradio', 'numpy'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert output.stdout.splitlines()[-1] == "[]"


def test_machine_never_imports_torch(chelsea, tmp_path):
    code = (
        "import sys\nfrom engine.commands import cli\n"
        f"assert cli.main(['machine', {chelsea!r}, '--out', {str(tmp_path)!r}]) == 0\n"
        "assert 'onnxruntime' in sys.modules\n"
        "assert not {'torch', 'gradio', 'training', 'export'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_samples_and_version():
    result = engine("samples")
    assert [Path(line).name for line in result.stdout.splitlines()] == [
        path.name for path in sample_paths()
    ]
    assert engine("--version").stdout.startswith("just-noticeable ")


def test_an_interrupt_leaves_nothing_half_written(chelsea, tmp_path, monkeypatch, capsys):
    def interrupted(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    assert cli.main(["machine", chelsea, "--out", str(tmp_path)]) == 130
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_early_is_no_traceback(chelsea, tmp_path):
    command = f"{sys.executable} -m engine machine {chelsea} {chelsea} --out {tmp_path} | true"
    result = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert "Traceback" not in result.stderr


def test_strange_file_names_and_narrow_terminals(chelsea, tmp_path):
    picture = tmp_path / os.fsdecode(b"caf\xe9 \xc3\xa9.png")
    picture.write_bytes(Path(chelsea).read_bytes())
    for encoding in ("utf-8", "ascii"):
        result = engine(
            "machine", str(picture), "--out", str(tmp_path / "out"), PYTHONIOENCODING=encoding
        )
        assert result.returncode == 0, result.stderr
        assert "verified" in result.stdout
