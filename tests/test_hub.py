"""The way of a model: published, pulled on an empty cache, checked, kept for when there is no Hub.

The Hub is on loopback, the client is the real one, and every step is its own process, for the
client reads its settings when it is imported.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_repositories import LoopbackHub
from loopback_hub import environment, loopback_hub, run

from engine.images.samples import sample_paths
from engine.models.locate import EMBEDDED
from engine.models.registry import MODELS

REPO = "just-noticeable/machine-jnd-cifar10"
SMALL = ("--panel", "cifar10")  # the one of that repository
RESNET = MODELS["resnet-cifar10"]
RECOGNISER = MODELS["face-recogniser"]
LOCATE = "import sys; from engine.models.locate import locate; print(locate(*sys.argv[1:]))"
NOWHERE = "http://127.0.0.1:9"  # the discard port, where nothing listens


def push(*arguments: str, **settings: str) -> subprocess.CompletedProcess:
    return run("-m", "export", "push", *arguments, **settings)


def locate(name: str, *, code: str = LOCATE, **settings: str) -> subprocess.CompletedProcess:
    """`engine.models.locate.locate` of one row; an error is the last line of stderr."""
    return run("-c", code, name, JND_WEIGHTS="hub", **settings)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """The publisher's client's folder."""
    return tmp_path_factory.mktemp("publisher")


@pytest.fixture(scope="module")
def published(home) -> Iterator[tuple[LoopbackHub, str]]:
    """A Hub to which the machine's repository was published, and what was said of it."""
    with loopback_hub() as hub:
        done = push("--repo", REPO, "--publish", **environment(hub.address, home))
        assert done.returncode == 0, done.stderr
        yield hub, done.stdout + done.stderr


def test_a_dry_run_says_everything_and_sends_nothing(home):
    with loopback_hub() as hub:
        done = push("--repo", REPO, **environment(hub.address, home))
        assert done.returncode == 0, done.stderr
        assert hub.requests == []
        assert hub.repositories == {}
    assert "dry run: nothing was sent" in done.stderr
    for line in (
        f"repository  {REPO} (model)",
        "message     Just Noticeable",
        "tag         v0.2.0",
    ):
        assert line in done.stdout
    for row in MODELS.values():
        if row.repo == REPO and row.sha256:
            assert f"{row.size:,}  {row.sha256}  {row.file}" in done.stdout
    for name in ("README.md", "config.json", "provenance.json", "export.json"):
        assert re.search(rf"^ *[\d,]+  [0-9a-f]{{64}}  {name}$", done.stdout, re.MULTILINE)


def test_publishing_makes_one_commit_with_a_tag_and_says_what_to_pin(published):
    hub, said = published
    repository = hub.repository("model", REPO)
    assert len(repository.commits) == 2  # the Hub's own first one, and ours
    commit = repository.tags["v0.2.0"]
    assert f"commit {commit}" in said
    assert f'revision="{commit}"' in said
    files = hub.files(REPO, "v0.2.0")
    assert files[RESNET.file] == (EMBEDDED / RESNET.file).read_bytes()
    assert json.loads(files["config.json"])["version"] == "0.2.0"
    assert files["README.md"].startswith(b"---\nlicense: apache-2.0\n")
    assert RESNET.sha256 in hub.store  # through the store for large files
    assert any(line.startswith("PUT /store/") for line in hub.requests)


def test_publishing_the_same_again_changes_nothing(published, home):
    hub, _ = published
    before = dict(hub.repository("model", REPO).commits)
    done = push("--repo", REPO, "--publish", **environment(hub.address, home))
    assert done.returncode == 0, done.stderr
    assert "already published" in done.stdout
    assert hub.repository("model", REPO).commits == before


def test_a_published_version_does_not_move(published, home, tmp_path):
    hub, _ = published
    settings = environment(hub.address, home)
    assert run("-m", "export", "cards", "--out", str(tmp_path)).returncode == 0
    folder = tmp_path / "machine-jnd-cifar10"
    with (folder / "README.md").open("a") as stream:
        stream.write("\nOne more line.\n")
    done = push("--repo", REPO, "--folder", str(folder), "--publish", **settings)
    assert done.returncode == 1
    assert "does not move: raise the version" in done.stderr
    assert b"One more line" not in hub.files(REPO)["README.md"]
    elsewhere = "somebody/machine"
    done = push("--repo", elsewhere, "--folder", str(folder), "--publish", **settings)
    assert done.returncode == 0, done.stderr
    assert b"One more line" in hub.files(elsewhere, "v0.2.0")["README.md"]


def test_without_a_token_or_with_a_wrong_one_nothing_is_published(home, tmp_path):
    with loopback_hub() as hub:
        arguments = ("--repo", "just-noticeable/face-recogniser", "--publish")
        done = push(*arguments, **environment(hub.address, tmp_path, token=None))
        assert done.returncode == 1
        assert "error: no token: set HF_TOKEN or run `hf auth login`" in done.stderr
        assert hub.requests == []
        done = push(*arguments, **environment(hub.address, tmp_path, token="hf_wrong"))
        assert done.returncode == 1
        assert "the Hub answered 401" in done.stderr
        assert "Traceback" not in done.stderr
        assert hub.repositories == {}
    done = push(*arguments, **environment(hub.address, tmp_path))
    assert done.returncode == 1
    assert "check the network" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pull_on_an_empty_cache_and_then_no_request_at_all(published, tmp_path):
    hub, _ = published
    settings = environment(hub.address, tmp_path, token=None)
    arguments = (
        "-m",
        "engine",
        "machine",
        str(sample_paths()[0]),
        *SMALL,
        "--json",
        "--device",
        "cpu",
    )
    done = run(*arguments, "--out", str(tmp_path / "out"), "--weights", "hub", **settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verified"] is True
    asked = [line for line in hub.requests if f"/{REPO}/resolve/v0.2.0/{RESNET.file}" in line]
    assert asked
    before = len(hub.requests)
    again = locate(RESNET.name, **settings)
    assert f"origin='Hub {REPO}@v0.2.0'" in again.stdout
    assert RESNET.sha256 in again.stdout
    assert len(hub.requests) == before  # the sha256 pins the content: nothing to ask
    offline = locate(RESNET.name, **environment(NOWHERE, tmp_path), HF_HUB_OFFLINE="1")
    assert offline.stdout == again.stdout


def test_a_pull_draws_no_progress_into_a_log_file(published, tmp_path):
    settings = environment(published[0].address, tmp_path) | {"HF_HUB_DISABLE_PROGRESS_BARS": "0"}
    done = locate(RESNET.name, **settings)
    assert done.returncode == 0, done.stderr
    assert "\r" not in done.stderr
    assert "%|" not in done.stderr


def test_a_commit_is_as_good_a_pin_as_a_tag(published, tmp_path):
    hub, _ = published
    commit = hub.repository("model", REPO).tags["v0.2.0"]
    code = (
        "import sys; from dataclasses import replace; from engine.models import locate, registry\n"
        f"row = replace(registry.MODELS[sys.argv[1]], revision={commit!r})\n"
        "registry.MODELS[row.name] = row; print(locate.locate(row.name))"
    )
    settings = environment(hub.address, tmp_path, token=None)
    done = locate(RESNET.name, code=code, **settings)
    assert f"@{commit}" in done.stdout, done.stderr


def test_a_damaged_file_is_refused_and_fetched_again_once_it_is_mended(published, tmp_path):
    hub, _ = published
    settings = environment(hub.address, tmp_path, token=None)
    hub.damage(REPO, RESNET.file)
    try:
        done = locate(RESNET.name, **settings)
    finally:
        hub.mend(REPO, RESNET.file)
    assert done.returncode != 0
    error = done.stderr.splitlines()[-1]
    assert "WeightsError" in error
    assert f"expected {RESNET.sha256[:12]}" in error
    assert f"{REPO} at v0.2.0 is not what this version was made for" in error
    # The client keeps the damaged file under the right ETag; the engine does not take it.
    offline = locate(RESNET.name, **environment(NOWHERE, tmp_path), HF_HUB_OFFLINE="1")
    assert offline.returncode != 0
    error = offline.stderr.splitlines()[-1]
    assert f"{RESNET.file} is damaged in the cache" in error
    assert f"hf download {REPO} {RESNET.file} --revision v0.2.0 --force-download;" in error
    mended = locate(RESNET.name, **settings)
    assert RESNET.sha256 in mended.stdout, mended.stderr


def test_offline_on_an_empty_cache_the_error_says_what_to_run(tmp_path):
    settings = environment(NOWHERE, tmp_path, token=None) | {"HF_HUB_OFFLINE": "1"}
    arguments = (
        "-m",
        "engine",
        "machine",
        str(sample_paths()[0]),
        *SMALL,
        "--out",
        str(tmp_path / "o"),
    )
    done = run(*arguments, "--weights", "hub", **settings)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    alexnet = MODELS["alexnet-cifar10"]
    assert f"run: hf download {REPO} {alexnet.file} --revision v0.2.0;" in line
    assert "--weights DIR" in line
    assert str(tmp_path) in line  # which cache
    assert "Traceback" not in done.stderr


def test_the_remedy_is_a_command_that_works(published, tmp_path):
    """What the error says to run fills the cache, and the engine then finds the file there."""
    hub, _ = published
    cached = environment(NOWHERE, tmp_path, token=None) | {"HF_HUB_OFFLINE": "1"}
    error = locate(RESNET.name, **cached).stderr.splitlines()[-1]
    command = re.search(r"run: hf (download [^;]*);", error)[1].split()
    client = "from huggingface_hub.cli.hf import main; main()"
    done = run("-c", client, *command, **environment(hub.address, tmp_path, token=None))
    assert done.returncode == 0, done.stderr
    assert RESNET.sha256 in locate(RESNET.name, **cached).stdout


def test_what_the_hub_does_not_have_is_said(published, tmp_path):
    hub, _ = published
    done = locate(RECOGNISER.name, **environment(hub.address, tmp_path, token=None))
    error = done.stderr.splitlines()[-1]
    assert f"has no {RECOGNISER.file} in {RECOGNISER.repo} at v0.2.0" in error
    assert "RepositoryNotFoundError" in error


def test_the_hub_is_asked_where_nothing_is_embedded(published, tmp_path):
    hub, _ = published
    code = (
        "import sys; from pathlib import Path; from engine.models import locate\n"
        f"locate.EMBEDDED = Path({str(tmp_path)!r}); print(locate.locate(sys.argv[1]))"
    )
    settings = environment(hub.address, tmp_path / "home", token=None)
    done = run("-c", code, RESNET.name, **settings)
    assert f"origin='Hub {REPO}@v0.2.0'" in done.stdout, done.stderr
