"""What `python -m export` puts together: pairs that belong together, half precision, the table."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from engine.models import registry
from engine.models.locate import EMBEDDED
from engine.models.registry import GENERATORS, MODELS, PANEL
from engine.networks.generator import Generator
from engine.networks.stored import INT8, contract, fill, stored_panel
from engine.networks.unseen import UNSEEN
from export import build as builder
from export import check, half
from export.__main__ import main as export_main
from export.build import Artefact, PairError, build, check_pairs, embed, outsider
from export.graphs import ClassifierGraph, generator_graph
from export.repository import assemble
from training.train import checkpoint
from training.train.machine.predictions import digest

REPO = "just-noticeable/machine-jnd-cifar10"
GENERATOR = GENERATORS["merged"]


@pytest.fixture(scope="module")
def panel():
    return stored_panel()[0]


def test_the_embedded_generators_are_of_the_embedded_panel(panel):
    check_pairs(EMBEDDED, digest(panel), set())


def test_a_generator_of_another_panel_is_not_left_in_place(panel, tmp_path):
    shutil.copytree(EMBEDDED, tmp_path / "weights")
    with pytest.raises(PairError, match=f"against panel {digest(panel)}, the classifiers are new"):
        check_pairs(tmp_path / "weights", "new", set())
    every, merged = set(GENERATORS.values()), GENERATORS["merged"]
    with pytest.raises(PairError, match=MODELS[merged].file):
        check_pairs(tmp_path / "weights", "new", every - {merged})
    check_pairs(tmp_path / "weights", "new", every)  # all are written anew
    (tmp_path / "weights" / MODELS[merged].file).unlink()
    check_pairs(tmp_path / "weights", "new", every - {merged})  # or gone


def test_an_export_refuses_to_leave_one(panel, tmp_path, monkeypatch, capsys):
    """Classifiers trained anew, one generator with them, and the other one still in `out`."""
    from training.train.machine import predictions

    out = tmp_path / "weights"
    shutil.copytree(EMBEDDED, out)
    monkeypatch.setattr(predictions, "digest", lambda panel: "anew")
    monkeypatch.setattr(
        "training.train.machine.networks.load_generator",
        lambda path: (Generator(conditioned=True, norm=False), {"panel": "anew"}),
    )
    runs = tmp_path / "runs"
    (runs / "generators").mkdir(parents=True)
    (runs / "generators" / "conditioned.safetensors").touch()
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert export_main(["machine", "--runs", str(runs), "--out", str(out)]) == 1
    assert f"{MODELS[GENERATOR].file} was trained against" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_a_panel_that_was_not_trained_here_stays_as_it_is(tmp_path):
    """Only a classifier outside the panel was trained: beside what `out` holds, else with all."""
    runs, out = tmp_path / "runs", tmp_path / "weights"
    folder = runs / "classifiers"
    network = UNSEEN["mobilenet"](norm=False)
    checkpoint.save(
        folder / "mobilenet.safetensors", network.state_dict(), {"classifier": "mobilenet"}
    )
    shutil.copytree(EMBEDDED, out)
    assert [artefact.model for artefact in builder.machine(runs, out)] == ["mobilenet-cifar10"]
    for model in GENERATORS.values():
        (out / MODELS[model].file).unlink(missing_ok=True)
    with pytest.raises(PairError, match="holds none of"):
        builder.machine(runs, out)
    shutil.copytree(EMBEDDED, out, dirs_exist_ok=True)
    (out / MODELS[PANEL[0]].file).write_bytes(b"another panel")
    assert len(builder.machine(runs, out)) == len(PANEL) + 1
    (out / MODELS[PANEL[0]].file).unlink()
    found = [artefact.model for artefact in builder.machine(runs, out)]
    assert found == [*PANEL, "mobilenet-cifar10"]


@pytest.fixture(scope="module")
def halves(panel, tmp_path_factory):
    """The embedded panel and a generator built again, in half precision as well."""
    out = tmp_path_factory.mktemp("halves")

    def artefact(model, module):
        path = EMBEDDED / MODELS[model].file
        note = contract(path)["training"]
        return Artefact(model, module, note, lambda to: shutil.copyfile(path, to))

    graph = fill(generator_graph(Generator(norm=False)), EMBEDDED / MODELS[GENERATOR].file)
    found = [
        artefact(model, ClassifierGraph(network).eval())
        for model, network in zip(PANEL, panel.classifiers.values(), strict=True)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "SIZES", ((8, 8), (24, 31)))  # the whole grid takes minutes
        patch.setattr(check, "CONTENTS", ("noise", "ramp"))
        patch.setattr(half, "CROPS", 32)
        files = build([*found, artefact(GENERATOR, graph)], out, half=True)
    return out, files


def test_half_precision_is_beside_the_usual_and_says_what_it_costs(halves):
    out, files = halves
    report = json.loads((out / "export.json").read_text())
    for model in (*PANEL, GENERATOR):
        name = f"{model}.fp16.onnx"
        assert files[name]["half_of"] == MODELS[model].file
        assert files[name]["bytes"] == (out / name).stat().st_size
        row = report["half"][name]
        assert all(output["largest"] > 0 for output in row["outputs"])  # it is another precision
        first = row["outputs"][0]
        assert first["output"] in ("logits", "change")
        assert first["largest"] < 0.02
        assert first["cases"] == 8
        assert 0.95 <= row["label_agreement"] <= 1
        assert row["labels"] == row["crops"] * (1 if model in PANEL else len(PANEL))


def test_a_half_precision_graph_computes_in_half_and_keeps_its_contract(halves):
    out, _ = halves
    for model in (PANEL[0], GENERATOR):
        usual, other = (onnx.load(out / f"{model}{end}") for end in (".onnx", half.ENDING))
        assert contract(out / f"{model}{half.ENDING}") == contract(out / f"{model}.onnx")
        for side in ("input", "output"):
            one, two = (getattr(graph, side) for graph in (usual.graph, other.graph))
            assert [(v.name, v.type.tensor_type.elem_type) for v in one] == [
                (v.name, v.type.tensor_type.elem_type) for v in two
            ]
        weights = {t.name: numpy_helper.to_array(t).dtype for t in other.graph.initializer}
        kernels = [node.input[1] for node in other.graph.node if node.op_type == "Conv"]
        assert kernels
        assert all(weights[name] == np.float16 for name in kernels)


def test_half_precision_goes_to_the_hub_with_the_rest(halves, tmp_path):
    out, _ = halves
    folder = assemble(REPO, out, tmp_path / "hub")
    config = json.loads((folder / "config.json").read_text())
    kinds = {model["file"]: model["computes_in"] for model in config["models"]}
    assert kinds[f"{GENERATOR}.fp16.onnx"] == "float16"
    assert kinds[f"{GENERATOR}.onnx"] == "float32"
    assert f"{GENERATOR}.fp16.onnx" in json.loads((folder / "export.json").read_text())["half"]


def test_half_precision_is_not_embedded(capsys):
    with pytest.raises(SystemExit):
        export_main(["--half", "--embed"])
    assert "leave one out" in capsys.readouterr().err


def test_embedding_writes_sha256_and_size_into_the_table(tmp_path, monkeypatch):
    table = tmp_path / "models.py"
    shutil.copyfile(registry.__file__, table)
    monkeypatch.setattr(builder.registry, "__file__", str(table))
    entries = {"hvs-sd.onnx": {"sha256": "ab" * 32, "bytes": 1234567}}
    entries["vgg-cifar10.onnx"] = {"sha256": "cd" * 32, "bytes": 7654321}
    embed(entries)
    spec = importlib.util.spec_from_file_location("engine.written", table)
    written = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(importlib.import_module("sys").modules, "engine.written", written)
        spec.loader.exec_module(written)
    for file, entry in entries.items():
        row = written.MODELS[file.removesuffix(".onnx")]
        assert (row.sha256, row.size) == (entry["sha256"], entry["bytes"])
    assert written.MODELS["hvs-sd"].repo == MODELS["hvs-sd"].repo
    others = set(MODELS) - {"hvs-sd", "vgg-cifar10"}
    assert all(vars(written.MODELS[name]) == vars(MODELS[name]) for name in others)


@pytest.mark.parametrize("name", UNSEEN)
def test_a_classifier_outside_the_panel_is_stored_in_8_bits(name, tmp_path, monkeypatch):
    """Linear layers over tokens too, which a graph holds transposed."""
    monkeypatch.setattr(check, "SIZES", ((24, 31),))  # the whole grid takes minutes
    monkeypatch.setattr(check, "CONTENTS", ("noise", "ramp"))
    torch.manual_seed(0)
    model = f"{name}-cifar10"
    chosen = outsider(model, UNSEEN[name](norm=False).eval(), {"classifier": name, "size": 32})
    path = tmp_path / "graph.onnx"
    chosen.write(path)
    check.check_parity(chosen.module, path)
    graph = onnx.load(path).graph
    held = sum(math.prod(t.dims) for t in graph.initializer if t.name.endswith(INT8))
    whole = sum(value.numel() for value in chosen.module.state_dict().values())
    assert held > 0.8 * whole
    again = fill(UNSEEN[name](norm=False), path, "classifier.")
    for key, value in chosen.module.classifier.state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value)
