"""Export: the same numbers in both runtimes, nothing of this machine in the file, loud failure."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from engine.classifiers import CLASSIFIERS
from engine.errors import WeightsError
from engine.models import EMBEDDED, GENERATOR, MODELS
from engine.networks import Generator
from engine.stored import fill
from export.check import ParityError, check_parity, compare
from export.graphs import ClassifierGraph, export_generator, generator_graph
from training.classifiers import round_to_half

FILES = [model.file for model in MODELS.values() if model.sha256]
GENERATOR_FILE = EMBEDDED / MODELS[GENERATOR].file


@pytest.fixture(scope="module")
def generator():
    return fill(generator_graph(Generator(norm=False)), GENERATOR_FILE)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_shipped_classifier_is_its_network_over_the_grid(name):
    path = EMBEDDED / f"{name}-cifar10.onnx"
    rows = check_parity(fill(ClassifierGraph(CLASSIFIERS[name](norm=False)), path), path)
    assert [row.output for row in rows] == ["logits", "cam"]
    assert all(row.largest < 1e-4 and row.cases == 50 for row in rows)


def test_the_shipped_generator_is_its_network_over_the_grid(generator):
    (row,) = check_parity(generator, GENERATOR_FILE)
    assert row.largest < 1e-4


def test_a_graph_of_another_network_is_refused():
    with pytest.raises(WeightsError, match="holds no"):
        fill(Generator(norm=False), EMBEDDED / FILES[0])


def test_a_graph_that_differs_fails_loudly(generator):
    with torch.no_grad():
        generator.generator.output.bias[0] += 1e-3
    try:
        with pytest.raises(ParityError, match="change on"):
            check_parity(generator, GENERATOR_FILE)
    finally:
        with torch.no_grad():
            generator.generator.output.bias[0] -= 1e-3


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


def test_a_conditioned_generator_keeps_its_numbers_and_sees_the_labels(tmp_path):
    torch.manual_seed(2)
    network = round_to_half(Generator(conditioned=True, norm=False).eval())
    export_generator(network, tmp_path / "graph.onnx", training={})
    graph = generator_graph(network)
    (row,) = check_parity(graph, tmp_path / "graph.onnx")
    assert row.largest < 1e-4
    image, cams = torch.rand(1, 3, 32, 32), torch.rand(1, 4, 32, 32)
    ship, frog = torch.zeros(2, 1, 4, 10)
    ship[..., 8], frog[..., 6] = 1, 1
    with torch.no_grad():
        assert not torch.equal(graph(image, cams, ship), graph(image, cams, frog))


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
    for tensor in onnx.load(GENERATOR_FILE).graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.size >= 64:
            assert values.dtype == np.float16, tensor.name
