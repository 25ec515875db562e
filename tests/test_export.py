"""Export: the same numbers in both runtimes, nothing of this machine in the file, loud failure."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from engine.errors import WeightsError
from engine.models.locate import EMBEDDED
from engine.models.registry import GENERATORS, MODELS
from engine.networks.classifiers import CLASSIFIERS
from engine.networks.generator import Generator
from engine.networks.stored import contract, fill
from engine.networks.unseen import UNSEEN
from export.check import ParityError, check_parity, compare
from export.graphs import (
    ClassifierGraph,
    export_classifier,
    export_generator,
    generator_graph,
)
from training.train.machine.classifiers import NETWORKS, round_to_half
from training.train.machine.networks import build
from training.train.presets import GeneratorPreset

FILES = [model.file for model in MODELS.values() if model.sha256 and model.file.endswith(".onnx")]
GENERATOR_FILES = [
    EMBEDDED / MODELS[model].file for model in GENERATORS.values() if MODELS[model].sha256
]


def read_generator(path):
    """A shipped generator's graph, as a torch module with the weights in the file."""
    preset = GeneratorPreset(**contract(path)["training"]["preset"])
    return fill(generator_graph(build(preset, norm=False)), path)


@pytest.mark.parametrize(
    "name", [name for name in (*CLASSIFIERS, *UNSEEN) if MODELS[f"{name}-cifar10"].sha256]
)
def test_a_shipped_classifier_is_its_network_over_the_grid(name):
    path = EMBEDDED / f"{name}-cifar10.onnx"
    rows = check_parity(fill(ClassifierGraph(NETWORKS[name](norm=False)), path), path)
    assert [row.output for row in rows] == ["logits", "cam"]
    assert all(row.largest < 1e-4 and row.cases == 50 for row in rows)


@pytest.mark.parametrize("path", GENERATOR_FILES, ids=lambda path: path.stem)
def test_a_shipped_generator_is_its_network_over_the_grid(path):
    (row,) = check_parity(read_generator(path), path)
    assert row.largest < 1e-4


def test_a_graph_of_another_network_is_refused():
    with pytest.raises(WeightsError, match="holds no"):
        fill(Generator(norm=False), EMBEDDED / FILES[0])


def test_a_graph_that_differs_fails_loudly():
    graph = read_generator(GENERATOR_FILES[0])
    with torch.no_grad():
        graph.generator.output.bias[0] += 1e-3
    with pytest.raises(ParityError, match="change on"):
        check_parity(graph, GENERATOR_FILES[0])


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        ([[0.0, np.nan]], [[0.0, 1.0]], "differs"),
        ([[0.0, 1.0]], [[0.0, np.nan]], "not finite"),
        ([[0.0, 1e-5]], [[1e-5, 0.0]], "another label"),
        ([[0.0, 1.0]], [[0.0, 1.0, 2.0]], "shape"),
    ],
)
def test_every_kind_of_difference_is_found(expected, actual, words):
    with pytest.raises(ParityError, match=words):
        compare("logits", np.array(expected), np.array(actual), "a case", 1e-4)


@pytest.mark.parametrize("confident", [False, True])
def test_a_conditioned_generator_sees_labels_and_strength(confident, tmp_path):
    torch.manual_seed(2)
    network = Generator(conditioned=True, confident=confident, skips=True, norm=False)
    network = round_to_half(network.eval())
    export_generator(network, tmp_path / "graph.onnx", training={})
    graph = generator_graph(network)
    (row,) = check_parity(graph, tmp_path / "graph.onnx")
    assert row.largest < 1e-4
    image, cams = torch.rand(1, 3, 32, 32), torch.rand(1, 4, 32, 32)
    ship, frog = torch.zeros(2, 1, 4, 10)
    ship[..., 8], frog[..., 6] = 1, 1
    with torch.no_grad():
        usual = graph(image, cams, ship, torch.ones(1))
        assert not torch.equal(usual, graph(image, cams, frog, torch.ones(1)))
        assert not torch.equal(usual, graph(image, cams, ship, torch.full((1,), 0.5)))
        surer = graph(image, cams, 2 * ship, torch.ones(1))
        assert torch.equal(usual, surer) != confident


@pytest.mark.parametrize("name", UNSEEN)
def test_a_new_classifier_can_be_exported_and_read_back(name, tmp_path):
    torch.manual_seed(3)
    network = round_to_half(NETWORKS[name](norm=False).eval())
    path = tmp_path / "graph.onnx"
    export_classifier(network, path, training={"classifier": name, "size": 32})
    check_parity(ClassifierGraph(network), path)
    again = fill(NETWORKS[name](norm=False), path, "classifier.")
    for key, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


@pytest.mark.parametrize("file", FILES)
def test_nothing_of_the_machine_is_in_the_file(file):
    data = (EMBEDDED / file).read_bytes()
    for trace in (b".py", b"/home", b"/root", b"site-packages", b"Traceback"):
        assert trace not in data
    model = onnx.load_from_string(data)
    assert not model.graph.doc_string
    assert all(not node.doc_string and not node.metadata_props for node in model.graph.node)


def test_exports_are_the_same_byte_for_byte(tmp_path):
    torch.manual_seed(0)
    network = round_to_half(Generator(norm=False).eval())
    for name in ("a", "b"):
        export_generator(network, tmp_path / name, training={})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_are_stored_in_half_precision(tmp_path):
    for tensor in onnx.load(GENERATOR_FILES[0]).graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.size >= 64:
            assert values.dtype == np.float16, tensor.name
