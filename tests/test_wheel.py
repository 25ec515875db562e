"""The wheel on its own: what it holds, and that it runs in an empty environment, away from here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from engine import __version__
from engine.models.registry import MODELS

pytest.importorskip("hatchling")
ROOT = Path(__file__).parents[1]
ROOMS = {"demo", "engine"}
# What pip says where no index can be reached.
NO_NETWORK = ("Connection", "Temporary failure in name resolution", "Network is unreachable")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def binaries(tmp_path_factory, wheel) -> Path:
    """The programs of an empty environment in which the wheel was installed."""
    folder = tmp_path_factory.mktemp("wheel-venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install"]
    # Compiling all of the dependencies takes longer than installing them.
    pip += ["--quiet", "--no-compile", "--disable-pip-version-check", wheel]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=280, env=clean())
    offline = done.returncode != 0 and any(words in done.stderr for words in NO_NETWORK)
    if offline and "CI" not in os.environ:
        pytest.skip("no package index can be reached, from which the dependencies come")
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def clean() -> dict[str, str]:
    """The environment without a path to this checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=folder, env=clean(), capture_output=True, text=True, timeout=120
    )


def tracked() -> set[str]:
    """What git tracks of the rooms that are shipped."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *sorted(ROOMS)], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def test_the_wheel_holds_two_rooms_whole_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    about = f"just_noticeable-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == ROOMS | {about}
    assert tracked() <= names
    assert {f"engine/models/weights/{row.file}" for row in MODELS.values()} <= names
    assert "demo/ui/look.css" in names
    assert f"{about}/licenses/LICENSE" in names


def test_the_source_distribution_holds_the_same_and_no_tests_or_results(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked() <= names
    assert {name.partition("/")[0] for name in names if "/" in name} == ROOMS
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md"} <= names


def test_the_installed_program_runs_in_any_folder(binaries, tmp_path):
    version = run(tmp_path, binaries / "just-noticeable", "--version")
    assert version.stdout == f"just-noticeable {__version__}\n", version.stderr
    samples = run(tmp_path, binaries / "python", "-m", "engine", "samples")
    picture = samples.stdout.splitlines()[0]
    assert picture.startswith(str(binaries.parent))
    options = ("--json", "--device", "cpu")
    done = run(tmp_path, binaries / "just-noticeable", "machine", picture, *options)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verified"] is True
    assert all((tmp_path / name).is_file() for name in report["files"].values())


@pytest.mark.parametrize("room", ["training", "export"])
def test_what_runs_from_a_clone_is_not_installed(room, binaries, tmp_path):
    done = run(tmp_path, binaries / "python", "-c", f"import engine, demo.space, {room}")
    assert f"No module named '{room}'" in done.stderr
