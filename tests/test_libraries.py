"""Libraries that are missing or broken: one line, exit code 2, how to repair."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.images.samples import sample_paths

ROOT = Path(__file__).parents[1]
MISSING_FILE = 'raise ImportError("libcudart.so.13: cannot open shared object file")'


def engine(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """`python -m engine` where this folder's modules come first."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments, "--out", str(folder / "out")],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def broken(folder: Path, name: str, code: str | None) -> None:
    """A package in the folder; without code, what is left of it after half was removed."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(code or "")


@pytest.mark.parametrize(
    ("name", "code", "command", "words"),
    [
        ("onnxruntime", None, ["machine"], "pip uninstall -y onnxruntime onnxruntime-gpu"),
        ("onnxruntime", MISSING_FILE, ["human"], "libcudart.so.13"),
        ("onnxruntime", "raise OSError('no such file')", ["machine"], "pip install onnxruntime"),
        ("torch", None, ["machine", "--panel", "cifar10", "--search"], "torch"),
        ("torch", "raise OSError('libtorch.so: not there')", ["cloak"], "--force-reinstall torch"),
        ("dlib", MISSING_FILE, ["cloak"], "cannot be loaded"),
        ("PIL", MISSING_FILE, ["machine"], "cannot be loaded"),
        ("skimage", MISSING_FILE, ["human", "--metrics", "--model", "wu2017"], "cannot be loaded"),
    ],
)
def test_a_broken_library_is_one_line(tmp_path, name, code, command, words):
    picture = str(sample_paths()[0])
    broken(tmp_path, name, code)
    result = engine(tmp_path, *command, picture)
    assert result.returncode == 2, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, result.stderr
    assert words in errors[0]
    assert "pip install" in errors[0]
    assert "Traceback" not in result.stderr


def test_what_is_left_of_onnx_runtime_is_no_attribute_error(monkeypatch):
    """As a namespace: its folder without any file of Python."""
    from types import ModuleType

    from engine.errors import SetupError
    from engine.system.libraries import onnx_runtime

    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    with pytest.raises(SetupError, match="pip uninstall -y onnxruntime onnxruntime-gpu"):
        onnx_runtime()
