"""The two ways in, the module and the installed script: names of any kind, on any terminal."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from engine.commands import cli
from engine.errors import ImageError
from engine.images.samples import sample_paths
from engine.terminal.progress import progress

ROOT = Path(__file__).parents[1]


def script() -> str:
    """What the installed `just-noticeable` runs, by pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    module, _, name = tomllib.loads(text)["project"]["scripts"]["just-noticeable"].partition(":")
    start = "import sys; sys.argv[0] = 'just-noticeable'"
    return f"{start}; from {module} import {name}; sys.exit({name}())"


DOORS = {"module": ["-m", "engine"], "script": ["-c", script()]}
NARROW = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "strict": {"PYTHONIOENCODING": "ascii:strict"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def run(door: str, *arguments: str, stdin: bytes = b"", **environment: str):
    return subprocess.run(
        [sys.executable, *DOORS[door], *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def strange(tmp_path_factory, photos) -> list[str]:
    """Pictures with names in UTF-8 and in Latin-1."""
    folder = tmp_path_factory.mktemp("strange")
    paths = [folder / "café.png", folder / os.fsdecode(b"caf\xe9.png")]
    for path in paths:
        Image.fromarray(photos["chelsea"][:48, :48]).save(path, "PNG")
    return [str(path) for path in paths]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("narrow", NARROW)
def test_any_name_on_any_terminal(door, narrow, strange, tmp_path):
    arguments = ["human", *strange, "é.png", "--model", "wu2017", "--out", str(tmp_path), "--json"]
    result = run(door, *arguments, **NARROW[narrow])
    assert result.returncode == 1, result.stderr
    assert b"Traceback" not in result.stderr
    reports = [json.loads(line) for line in result.stdout.decode("ascii").splitlines()]
    assert len(reports) == 3
    if narrow != "C":  # there the names themselves are read in another encoding
        assert [report["image"] for report in reports] == [*strange, "é.png"]
    assert "error" in reports[2]
    helped = run(door, "machine", "--help", **NARROW[narrow])
    assert helped.returncode == 0, helped.stderr
    assert b"32\\xd732" in helped.stdout
    named = "just-noticeable" if door == "script" else "python -m engine"
    assert f"usage: {named} machine".encode() in helped.stdout


# --- standard input, addresses, the folder of results ---


def test_a_picture_on_standard_input(strange, tmp_path):
    data = Path(strange[0]).read_bytes()
    arguments = ["machine", "-", "--out", str(tmp_path), "--json", "--device", "cpu"]
    result = run("module", *arguments, stdin=data)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["image"] == "-"
    assert report["size"] == [48, 48]
    assert (tmp_path / "stdin.distorted.png").is_file()
    again = run("module", "quality", strange[0], "-", "--model", "wu2017", "--json", stdin=data)
    assert json.loads(again.stdout)["changed_share"] == 0
    for wrong in (b"", b"no picture"):
        result = run("module", "human", "-", "--out", str(tmp_path / "out"), stdin=wrong)
        assert result.returncode == 1
        assert b"error: standard input is" in result.stderr
    twice = run("module", "verify", "-", "-", stdin=data)
    assert twice.returncode == 2
    assert b"name it once" in twice.stderr


def test_a_terminal_is_no_picture(monkeypatch, capsys, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    assert cli.main(["machine", "-", "--out", str(tmp_path / "out")]) == 1
    assert "nothing is piped into it" in capsys.readouterr().err


ADDRESSES = ("https://example.org/a//b.jpg", "HTTP://127.0.0.1/a.png", "data:image/png;base64,AA==")


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_to_be_downloaded_first(address, capsys, tmp_path):
    import engine

    quoted = [address, tmp_path / "a.png"]
    for command in (
        ["machine"],
        ["human"],
        ["cloak"],
        ["verify", *quoted[1:]],
        ["quality", *quoted[1:]],
    ):
        name, *others = map(str, command)
        assert cli.main([name, address, *others]) == 1
        assert f"error: {address} is an address, not a file: download it" in capsys.readouterr().err
    for function in (engine.machine_jnd, engine.human_jnd, engine.open_image):
        with pytest.raises(ImageError, match="download it first"):
            function(address)
    with pytest.raises(ImageError, match="download it first"):
        engine.verify(address, address)
    with pytest.raises(ImageError, match="download it first"):
        engine.open_image(Path("https://example.org/a.png"))  # the slash is lost already


def test_results_go_to_out_in_the_current_folder(strange, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["human", strange[0], "--model", "wu2017"]) == 0
    assert (tmp_path / "out" / "café.noisy.png").is_file()
    from engine.commands.options import CloakOptions, MachineOptions

    assert CloakOptions().out == MachineOptions().out == Path("out")


# --- progress ---


class Screen(io.StringIO):
    """stderr, a terminal or not."""

    def __init__(self, terminal: bool):
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_drawn_on_a_terminal_only(terminal, monkeypatch):
    screen = Screen(terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    with progress(2, keep=True) as show:
        show(1, "half of it")
    assert ("half of it" in screen.getvalue()) == terminal
    assert ("\r" in screen.getvalue()) == terminal


def test_a_log_file_has_no_progress_in_it(strange):
    result = run("module", "quality", strange[0], strange[0], "--model", "wu2017")
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""


@pytest.mark.parametrize("command", ["machine", "cloak"])
def test_a_search_draws_nothing_into_a_log_file(command, capfd, tmp_path):
    (photo,) = (str(path) for path in sample_paths() if path.stem == "astronaut")
    limit = {"machine": ["--search"], "cloak": ["--face", "1"]}[command] + ["--max-seconds", "1"]
    cli.main([command, photo, "--out", str(tmp_path), "--device", "cpu", *limit])
    logged = capfd.readouterr().err
    assert "\r" not in logged
    assert "step 1" not in logged
    assert "attempt" not in logged


# --- nothing before an error ---


def test_an_error_is_the_only_line(tmp_path):
    for command in ("machine", "human", "cloak"):
        result = run(
            "module", command, "nowhere.jpg", "--out", str(tmp_path), CUDA_HOME=str(tmp_path)
        )
        assert result.stderr.decode().splitlines() == [
            "error: nowhere.jpg: no such file: check the name and the folder",
            "1 of 1 pictures refused",
        ]


def test_pytorch_does_not_report_a_missing_gpu(tmp_path):
    pytest.importorskip("torch")
    code = (
        "from engine.terminal.streams import set_up_streams\n"
        "set_up_streams()\nimport torch.utils.cpp_extension"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"CUDA_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
