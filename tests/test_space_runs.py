"""The staged Space on its own: its requirements installed, started from its folder, asked.

PyTorch is shared from the test's environment, as is whatever else satisfies the requirements; pip
decides that. The project itself is not: the Space has to bring it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from demo.space.stage import stage
from engine.images.samples import sample_paths
from training.evaluate.load.process import free_port, running

pytest.importorskip("gradio")
PATIENCE = 240  # seconds; the search leaves a small machine little else
VERSIONS = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("staged")
    stage(folder)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory, staged) -> Path:
    """The interpreter of a fresh environment in which the Space's requirements are installed."""
    folder = tmp_path_factory.mktemp("space-venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    scheme = {"base": str(folder), "platbase": str(folder)}
    own = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    # A path in a .pth is only a path: the .pth files there, which name this project, do not count.
    (own / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    lines = (staged / "requirements.txt").read_text().splitlines()
    assert "just-noticeable" not in {Requirement(line).name for line in lines}
    shared = [line for line in lines if Requirement(line).name != "torch"]
    assert len(shared) == len(lines) - 1
    wanted = folder / "requirements.txt"
    wanted.write_text("\n".join(shared) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--no-warn-conflicts"]
    done = subprocess.run(
        [*pip, "-r", wanted], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return python


def test_every_requirement_is_met(staged, python):
    lines = (staged / "requirements.txt").read_text().splitlines()
    wanted = [one for one in map(Requirement, lines) if one.name != "torch"]
    names = [canonicalize_name(one.name) for one in wanted]
    said = subprocess.run(
        [python, "-c", VERSIONS, *names], cwd=staged, capture_output=True, text=True, check=True
    ).stdout.split()
    for one, version in zip(wanted, said, strict=True):
        assert one.specifier.contains(version, prereleases=True), f"{one} is {version}"


def test_the_space_brings_the_project_itself(staged, python):
    code = "import engine, demo; print(engine.__file__, demo.__file__)"
    elsewhere = subprocess.run(
        [python, "-c", code], cwd=python.parent, capture_output=True, text=True
    )
    assert "No module named 'engine'" in elsewhere.stderr
    here = subprocess.run([python, "-c", code], cwd=staged, capture_output=True, text=True)
    assert here.stdout.split() == [
        str(staged / room / "__init__.py") for room in ("engine", "demo")
    ], here.stderr


@pytest.fixture(scope="module")
def address(staged, python, tmp_path_factory) -> Iterator[str]:
    """The running Space's URL, with no Hub to reach."""
    port = free_port()
    folder = tmp_path_factory.mktemp("space-log")
    settings = {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder),
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JND_"))}
    command = [python, "app.py"]
    log = folder / "log"
    with running(command, port, log, cwd=staged, inherited=inherited, **settings):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def client(address, tmp_path_factory):
    from gradio_client import Client

    return Client(
        address,
        download_files=tmp_path_factory.mktemp("answers"),
        verbose=False,
        httpx_kwargs={"timeout": PATIENCE},
    )


def sample(name: str) -> str:
    return str(next(path for path in sample_paths() if path.stem == name))


def test_it_starts_and_answers_with_the_embedded_weights(client):
    from gradio_client import handle_file

    changed, *_, numbers = client.predict(handle_file(sample("chelsea")), api_name="/machine_jnd")
    assert numbers["verified"] is True
    assert len(numbers["labels"]) == 3  # the panel for photos
    with Image.open(changed) as picture:
        assert (picture.format, list(picture.size)) == ("PNG", numbers["size"])


def test_the_cloak_has_its_models_there(client):
    """The face detector from its package, PyTorch, and the large file that is staged for it."""
    from gradio_client import handle_file

    photo = handle_file(sample("astronaut"))
    (face, *_) = client.predict(photo, api_name="/find_faces")
    assert face["usable"]
    job = client.submit(photo, seconds=60, target=None, api_name="/cloak_face")
    steps = [numbers.get("step", 0) for _, numbers in take_until_a_step(job)]
    job.cancel()
    assert steps[-1] >= 1, job.exception()


def take_until_a_step(job):
    """What the job yields, up to the first gradient step of its search."""
    for found in job:
        yield found
        if found[1].get("step", 0) >= 1:
            return
