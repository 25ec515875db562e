"""Where weights come from: a directory, the environment, this package, the Hub; always checked."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from engine.errors import UsageError, WeightsError
from engine.models.locate import EMBEDDED, locate
from engine.models.registry import BEST, GENERATORS, MODELS
from engine.models.session import Session, open_session

RESNET = MODELS["resnet-cifar10"]


def test_the_embedded_files_are_those_of_the_table_and_of_their_provenance():
    for model in MODELS.values():
        if not model.sha256:  # not trained yet
            assert not (EMBEDDED / model.file).exists()
            continue
        provenance = json.loads((EMBEDDED / model.provenance).read_text())["files"]
        digest = hashlib.sha256((EMBEDDED / model.file).read_bytes()).hexdigest()
        assert digest == model.sha256
        assert (EMBEDDED / model.file).stat().st_size == model.size
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


def test_a_folder_may_lack_what_is_not_trained_here(tmp_path, monkeypatch):
    row = MODELS["face-recogniser"]
    assert locate(row.name, tmp_path).origin == "embedded"
    monkeypatch.setenv("JND_WEIGHTS", str(tmp_path))
    assert locate(row.name).origin == "embedded"
    shutil.copy(EMBEDDED / row.file, tmp_path)
    assert locate(row.name).path == tmp_path / row.file
    with pytest.raises(WeightsError, match="holds no face-recogniser"):
        locate(row.name, tmp_path / "nowhere")


def test_a_wrong_sha256_is_an_error(tmp_path):
    path = tmp_path / RESNET.file
    path.write_bytes(bytes(RESNET.size))
    with pytest.raises(WeightsError, match=r"sha256 .*expected " + RESNET.sha256[:12]):
        locate("resnet-cifar10", tmp_path)
    path.write_bytes(b"cut short")
    with pytest.raises(WeightsError, match=rf"9 bytes, expected {RESNET.size:,}"):
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
    from engine.machine.jnd import MachineJND

    shutil.copytree(EMBEDDED, tmp_path / "weights")
    other = tmp_path / "weights" / RESNET.file
    shutil.copy(EMBEDDED / MODELS["generator-merged-cifar10"].file, other)
    provenance = json.loads((EMBEDDED / "provenance.json").read_text())
    provenance["files"][RESNET.file]["sha256"] = hashlib.sha256(other.read_bytes()).hexdigest()
    (tmp_path / "weights" / "provenance.json").write_text(json.dumps(provenance))
    with pytest.raises(WeightsError, match="another model"):
        MachineJND(weights=tmp_path / "weights", device="cpu")


def test_an_unknown_device_is_an_error():
    with pytest.raises(UsageError, match="choose from auto, cpu, cuda"):
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


def test_8_bit_weights_are_expanded_once_when_the_graph_is_loaded(monkeypatch, tmp_path):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    chosen = onnxruntime.SessionOptions
    as_run = tmp_path / "as_run.onnx"

    def options():
        made = chosen()
        made.optimized_model_filepath = str(as_run)
        return made

    monkeypatch.setattr(onnxruntime, "SessionOptions", options)
    session = open_session("efficientnet-lite0", weights=None, device="cpu")

    def kinds(path):
        return {node.op_type for node in onnx.load(path).graph.node}

    assert "DequantizeLinear" in kinds(session.located.path)
    assert "DequantizeLinear" not in kinds(as_run)
