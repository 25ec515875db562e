"""Where weights come from: a directory, the environment, this package, the Hub; always checked."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine import models
from engine.errors import DeviceError, WeightsError
from engine.models import BEST, EMBEDDED, GENERATORS, MODELS, locate
from engine.session import Session, open_session

RESNET = MODELS["resnet-cifar10"]


def test_the_embedded_files_are_those_of_the_table_and_of_their_provenance():
    for model in MODELS.values():
        if not model.sha256:  # not trained yet
            assert not (EMBEDDED / model.file).exists()
            continue
        provenance = json.loads((EMBEDDED / model.provenance).read_text())["files"]
        digest = hashlib.sha256((EMBEDDED / model.file).read_bytes()).hexdigest()
        assert digest == model.sha256
        assert digest == provenance[model.file]["sha256"]
        assert provenance[model.file].get("training") or provenance[model.file]["origin"]


def test_embedded_is_the_default():
    assert locate("resnet-cifar10").origin == "embedded"


def test_a_named_directory_comes_first_then_the_environment(tmp_path, monkeypatch):
    named, set_ = tmp_path / "named", tmp_path / "set"
    for folder in (named, set_):
        shutil.copytree(EMBEDDED, folder)
    monkeypatch.setenv("JND_WEIGHTS", str(set_))
    assert locate("resnet-cifar10", named).path == named / RESNET.file
    assert locate("resnet-cifar10").path == set_ / RESNET.file
    shutil.rmtree(set_)
    with pytest.raises(WeightsError, match="JND_WEIGHTS names"):
        locate("resnet-cifar10")


def test_a_wrong_sha256_is_an_error(tmp_path):
    (tmp_path / RESNET.file).write_bytes(b"not the model")
    with pytest.raises(WeightsError, match=r"sha256 .*expected " + RESNET.sha256[:12]):
        locate("resnet-cifar10", tmp_path)
    (tmp_path / "provenance.json").write_text("{}")
    with pytest.raises(WeightsError, match="does not list"):
        locate("resnet-cifar10", tmp_path)


def test_a_file_that_is_no_model_is_an_error(tmp_path):
    path = tmp_path / RESNET.file
    path.write_bytes(b"not a model")
    listed = {RESNET.file: {"sha256": hashlib.sha256(b"not a model").hexdigest()}}
    (tmp_path / "provenance.json").write_text(json.dumps({"files": listed}))
    with pytest.raises(WeightsError, match="cannot be run"):
        open_session("resnet-cifar10", weights=tmp_path, device="cpu")


def test_another_graph_under_the_same_name_is_an_error(tmp_path):
    from engine.machine import MachineJND

    shutil.copytree(EMBEDDED, tmp_path / "weights")
    other = tmp_path / "weights" / RESNET.file
    shutil.copy(EMBEDDED / MODELS["generator-merged-cifar10"].file, other)
    provenance = json.loads((EMBEDDED / "provenance.json").read_text())
    provenance["files"][RESNET.file]["sha256"] = hashlib.sha256(other.read_bytes()).hexdigest()
    (tmp_path / "weights" / "provenance.json").write_text(json.dumps(provenance))
    with pytest.raises(WeightsError, match="another model"):
        MachineJND(weights=tmp_path / "weights", device="cpu")


def test_an_unknown_device_is_an_error():
    with pytest.raises(DeviceError, match="auto, cpu, cuda"):
        Session(locate("resnet-cifar10"), "tpu")


def test_the_contract_is_in_the_file():
    session = open_session("resnet-cifar10", weights=None, device="cpu")
    contract = session.contract
    assert contract["classifier"] == "resnet"
    assert len(contract["classes"]) == 10
    assert contract["inputs"]["image"]["range"] == "0…1"
    assert contract["licence"] == "Apache-2.0"
    assert contract["training"]["test_accuracy"] >= 0.9
    assert session.inputs == ("image",)
    generator = open_session(GENERATORS[BEST], weights=None, device="cpu")
    assert set(generator.inputs) <= {"image", "cams", "logits", "strength"}
    assert generator.contract["training"]["preset"]


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as a download of one file needs; requests are recorded."""

    content: bytes = b""
    asked: list[str] = []  # noqa: RUF012

    def respond(self) -> None:
        self.asked.append(self.path)
        if "/resolve/" not in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.send_header("ETag", f'"{hashlib.sha256(self.content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0123456789abcdef0123456789abcdef01234567")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.content)

    do_GET = respond  # noqa: N815
    do_HEAD = respond  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub on loopback, an empty cache; the real client speaks to it."""
    from huggingface_hub import constants

    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield Hub
    server.shutdown()
    server.server_close()


def test_the_hub_is_used_when_asked_for_and_its_file_is_checked(hub, monkeypatch):
    hub.content = (EMBEDDED / RESNET.file).read_bytes()
    located = locate("resnet-cifar10", "hub")
    assert located.path.read_bytes() == hub.content
    assert any(f"/{RESNET.repo}/resolve/{RESNET.revision}/" in path for path in hub.asked)
    monkeypatch.setenv("JND_WEIGHTS", "hub")
    assert locate("resnet-cifar10").origin.startswith("Hub ")


def test_the_hub_is_used_where_nothing_is_embedded(hub, tmp_path, monkeypatch):
    hub.content = (EMBEDDED / RESNET.file).read_bytes()
    monkeypatch.setattr(models, "EMBEDDED", tmp_path)
    assert locate("resnet-cifar10").origin.startswith("Hub ")


def test_a_changed_file_from_the_hub_is_refused(hub):
    hub.content = b"something else"
    with pytest.raises(WeightsError, match="sha256"):
        locate("resnet-cifar10", "hub")


def test_without_a_network_the_error_says_what_to_run(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=f"hf download {RESNET.repo} {RESNET.file}"):
        locate("resnet-cifar10", "hub")
