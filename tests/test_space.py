"""The Space: exactly what it needs, by the Hub's rules, published to a Hub on loopback."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from loopback_hub import environment, loopback_hub, run
from packaging.requirements import Requirement
from packaging.version import Version
from PIL import Image

from demo.space import stage as staging
from demo.space.__main__ import main as space_main
from engine.errors import PublishError
from engine.models.registry import MODELS

gradio = pytest.importorskip("gradio")
ROOT = Path(__file__).parents[1]
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("staged") / "space"
    assert space_main(["stage", str(folder)]) == 0
    return folder


def wanted(staged: Path) -> dict[str, Requirement]:
    lines = (staged / "requirements.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines]
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def test_it_holds_what_runs_and_nothing_else(staged):
    names = {path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()}
    tracked = subprocess.run(
        ["git", "ls-files", "engine", "demo", "LICENSE"], cwd=ROOT, capture_output=True, text=True
    ).stdout.splitlines()
    rooms = {name for name in tracked if not name.startswith("demo/space/")}
    assert names == rooms | {"app.py", "README.md", "requirements.txt", "card.png"}
    assert {f"engine/models/weights/{row.file}" for row in MODELS.values() if row.sha256} <= names
    for name in rooms:
        assert (staged / name).read_bytes() == (ROOT / name).read_bytes()


def test_large_files_are_those_that_are_named(staged):
    large = {
        path.relative_to(staged).as_posix()
        for path in staged.rglob("*")
        if path.is_file() and path.stat().st_size > staging.LARGEST
    }
    assert large == set(staging.NEEDED)
    with pytest.raises(PublishError, match="say in demo/space/stage"):
        staging.check_size("demo/film.mp4", staging.LARGEST + 1)


def test_the_front_matter_keeps_the_hubs_rules(staged):
    text = (staged / "README.md").read_text()
    raw = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1]
    front = yaml.safe_load(raw)
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == gradio.__version__
    # Without quotes 3.12 would be a number, and 3.10 would be 3.1.
    assert re.search(rf'^sdk_version: "{re.escape(gradio.__version__)}"$', raw, re.MULTILINE)
    assert re.search(r'^python_version: "3\.1[1-9]"$', raw, re.MULTILINE)
    assert (staged / front["app_file"]).is_file()
    assert front["license"] == "apache-2.0"
    assert len(front["short_description"]) <= 60
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert "{" not in text


def test_it_has_a_card_that_links_show(tmp_path, staged):
    with Image.open(staged / "card.png") as card:
        assert card.size == (1200, 630)
    assert "](card.png)" in (staged / "README.md").read_text()
    staging.stage(tmp_path / "space", repo="me/just-noticeable")
    front = yaml.safe_load((tmp_path / "space" / "README.md").read_text().split("---\n")[1])
    where = "https://huggingface.co/spaces/me/just-noticeable/resolve/main/card.png"
    assert front["thumbnail"] == where


def test_the_requirements_are_pyprojects_for_spaces(staged):
    found = wanted(staged)
    assert str(found["gradio"].specifier) == f"=={gradio.__version__}"
    # A ZeroGPU belongs to PyTorch; ONNX Runtime's CUDA build would reach for it at start.
    assert "onnxruntime-gpu" not in found
    assert "onnxruntime" in found
    assert found["torch"].specifier.contains("2.11.0")
    assert not found["torch"].specifier.contains("2.12.0")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = {Requirement(line).name for line in project["dependencies"]}
    for extra in ("attack", "evaluation", "faces", "heif", "demo"):
        needs |= {Requirement(line).name for line in project["optional-dependencies"][extra]}
    # The project is on no index: a line that names it could not be installed.
    assert set(found) == needs - {"onnxruntime-gpu", project["name"]}
    assert all(one.marker is None for one in found.values())
    assert Version(staging.PYTHON) >= Version(project["requires-python"].removeprefix(">="))


def test_a_folder_with_something_in_it_and_a_place_without_git_are_refused(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert space_main(["stage", str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(PublishError, match="no git checkout"):
        staging.stage(tmp_path / "new", tmp_path)


def test_publishing_is_a_dry_run_until_it_is_asked_for(tmp_path):
    with loopback_hub() as hub:

        def push(*more: str):
            arguments = ("-m", "demo.space", "push", "--repo", "somebody/jnd", *more)
            return run(*arguments, **environment(hub.address, tmp_path))

        done = push()
        assert done.returncode == 0, done.stderr
        assert "dry run: nothing was sent" in done.stderr
        assert "repository  somebody/jnd (space)" in done.stdout
        assert hub.requests == []
        done = push("--publish", "--hardware", "zero-a10g")
        assert done.returncode == 0, done.stderr
        there = hub.repository("space", "somebody/jnd")
        assert there.settings["sdk"] == "gradio"
        assert there.settings["hardware"] == "zero-a10g"
        files = hub.files("somebody/jnd", kind="space")
        del files[".gitattributes"]
        staging.stage(tmp_path / "space", repo="somebody/jnd")
        assert files == {
            path.relative_to(tmp_path / "space").as_posix(): path.read_bytes()
            for path in (tmp_path / "space").rglob("*")
            if path.is_file()
        }
        there.add(there.at("main")[1] | {"old.py": there.at("main")[1]["app.py"]})
        done = push("--publish")
        assert done.returncode == 0, done.stderr
        assert "old.py" not in hub.files("somebody/jnd", kind="space")
        commits = len(there.commits)
        done = push("--publish")
        assert "nothing has changed since" in done.stdout, done.stderr
        assert len(there.commits) == commits


def test_a_gpu_is_borrowed_for_the_search_alone(tmp_path):
    """With a stand-in for the package that ZeroGPU Spaces have, which must come before torch."""
    (tmp_path / "spaces.py").write_text(
        "import sys\n"
        "assert 'torch' not in sys.modules\n"
        "LENT = []\n"
        "def GPU(duration):\n"
        "    return lambda function: LENT.append((function, duration)) or function\n"
    )
    code = (
        "import demo.app, inspect, spaces\n"
        "((function, duration),) = spaces.LENT\n"
        "names = list(inspect.signature(function).parameters)\n"
        "def asked(seconds): return duration(**dict.fromkeys(names) | {'seconds': seconds})\n"
        "print(function.__module__, inspect.isgeneratorfunction(function), asked(20), asked(50))"
    )
    done = run("-c", code, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    module, generates, short, long = done.stdout.split()
    assert (module, generates) == ("demo.handlers.cloak", "True")  # the torch search, step by step
    assert int(short) > 20
    assert int(long) - int(short) == 30
