"""The second recogniser is what its TensorFlow.js graph computes."""

from __future__ import annotations

import json
import math

import numpy as np
import onnx
import pytest
import torch
from safetensors import safe_open

from engine.errors import WeightsError
from engine.models.locate import EMBEDDED
from engine.models.registry import FACERES, MODELS
from engine.models.session import open_session
from engine.networks.faces.faceres import SIDE, FaceRes, load_faceres, same
from engine.networks.photo import quantised
from engine.networks.stored import INT8
from export.faces import faceres, tensorflow_js
from export.photo.correction import crops

WIDTHS, STRIDES, FIRST = (6, 8), (1, 2), 4


def constant(name):
    return {"name": name, "op": "Const"}


def node(name, kind, *inputs, stride=None):
    attributes = {}
    if stride:
        attributes["strides"] = {"list": {"i": ["1", str(stride), str(stride), "1"]}}
    return {"name": name, "op": kind, "input": list(inputs), "attr": attributes}


def clipped(name, before):
    return [
        node(f"{name}/Relu", "Relu", before),
        node(f"{name}/Minimum", "Minimum", f"{name}/Relu", "six"),
        node(f"{name}/clip", "Maximum", f"{name}/Minimum", "zero"),
    ]


@pytest.fixture
def graph(tmp_path):
    """A small one of the same kind with random weights; a function that writes it."""
    random = np.random.default_rng(0)
    values = {"six": np.float16(6), "zero": np.float16(0), "axes": np.array([1, 2], np.int32)}
    nodes = [node("input_1", "Placeholder")]

    def add(name, shape, scale=0.4):
        values[name] = (scale * random.normal(size=shape)).astype(np.float16)
        nodes.append(constant(name))

    add("conv1/convolution/merged_input", (3, 3, 3, FIRST), 0.01)
    add("conv1_bn/batchnorm_1/sub", (FIRST,))
    nodes.append(node("stem", "Conv2D", "input_1", "conv1/convolution/merged_input", stride=2))
    nodes.append(node("stem/add", "Add", "stem", "conv1_bn/batchnorm_1/sub"))
    nodes += clipped("conv1_relu", "stem/add")
    before, inputs = "conv1_relu/clip", FIRST
    for block, (width, stride) in enumerate(zip(WIDTHS, STRIDES, strict=True), 1):
        depth, point = f"conv_dw_{block}", f"conv_pw_{block}"
        add(f"{depth}/depthwise_kernel", (3, 3, inputs, 1))
        add(f"{depth}_bn/batchnorm_1/mul", (inputs,))
        add(f"{depth}_bn/batchnorm_1/sub", (inputs,))
        add(f"{point}/convolution/merged_input", (1, 1, inputs, width))
        add(f"{point}_bn/batchnorm_1/sub", (width,))
        kernel = f"{depth}/depthwise_kernel"
        nodes += [
            node(f"{depth}/depthwise", "DepthwiseConv2dNative", before, kernel, stride=stride),
            node(f"{depth}/mul", "Mul", f"{depth}/depthwise", f"{depth}_bn/batchnorm_1/mul"),
            node(f"{depth}/add", "Add", f"{depth}/mul", f"{depth}_bn/batchnorm_1/sub"),
            *clipped(f"{depth}_relu", f"{depth}/add"),
            node(
                f"{point}/conv",
                "Conv2D",
                f"{depth}_relu/clip",
                f"{point}/convolution/merged_input",
                stride=1,
            ),
            node(f"{point}/add", "Add", f"{point}/conv", f"{point}_bn/batchnorm_1/sub"),
            *clipped(f"{point}_relu", f"{point}/add"),
        ]
        before, inputs = f"{point}_relu/clip", width
    nodes += [constant("six"), constant("zero"), constant("axes")]
    nodes.append(node(faceres.OUTPUT, "Mean", before, "axes"))
    manifest = [
        {"name": name, "shape": list(value.shape), "dtype": "float32"}
        | ({"quantization": {"dtype": "float16"}} if value.dtype == np.float16 else {})
        | ({"dtype": "int32"} if value.dtype == np.int32 else {})
        for name, value in values.items()
    ]
    described = {
        "modelTopology": {"node": nodes},
        "weightsManifest": [{"weights": manifest, "paths": ["faceres.bin"]}],
    }

    def written(change=lambda described: None, data=b""):
        change(described)
        (tmp_path / "faceres.json").write_text(json.dumps(described))
        raw = b"".join(np.ascontiguousarray(value).tobytes() for value in values.values())
        (tmp_path / "faceres.bin").write_bytes(raw + data)
        return tmp_path

    return written


def test_the_network_computes_what_the_graph_does(graph, tmp_path, capsys):
    out = tmp_path / "out.safetensors"
    assert faceres.main([str(graph()), str(out)]) == 0
    assert "out.safetensors" in capsys.readouterr().out
    with safe_open(out, "pt") as file:
        note = json.loads(file.metadata()["note"])
        kinds = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118
    assert kinds == {torch.float16, torch.float32}  # as they were; products of two
    assert note["from_the_graph"] < 1e-5
    assert note["source"]["licence"] == "MIT"
    nodes, constants = tensorflow_js.read(tmp_path, faceres.NAME)
    built = faceres.network(nodes, faceres.tensors(nodes, constants))
    assert built.stem.weight.shape == (FIRST, 3, 3, 3)
    with torch.no_grad():
        built.blocks[1].depthwise.bias += 0.1
    assert faceres.difference(nodes, constants, built, side=33) > 1e-4


def test_another_network_than_the_graph_is_not_written(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "engine.networks.faces.faceres.same", lambda x, stride: same(x.flip(3), stride)
    )
    out = tmp_path / "out.safetensors"
    with pytest.raises(WeightsError, match="not written"):
        faceres.write_whole(graph(), out)
    assert not out.exists()


def test_files_that_do_not_fit_are_refused_in_one_line(graph, tmp_path, capsys):
    with pytest.raises(WeightsError, match="are described"):
        tensorflow_js.read(graph(data=b"more"), faceres.NAME)
    with pytest.raises(WeightsError, match="holds no graph"):
        tensorflow_js.read(tmp_path / "nowhere", faceres.NAME)

    def strange(described):
        for each in described["modelTopology"]["node"]:
            if each["op"] == "Mul":
                each["op"] = "Elu"

    assert faceres.main([str(graph(strange)), str(tmp_path / "out")]) == 1
    assert "is a Elu" in capsys.readouterr().err


@pytest.fixture(scope="module")
def network():
    return load_faceres()


def test_the_graph_that_ships_is_the_network_with_a_gradient(network):
    """What ONNX Runtime computes without PyTorch, and what a cloak is made against."""
    chips = np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    ours = network.describe(chips)
    batch = chips.transpose(0, 3, 1, 2).astype(np.float32) / 255
    (theirs,) = open_session(FACERES, weights=None, device="cpu").run(chips=batch)
    assert np.abs(ours - theirs).max() < 1e-5
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    x = torch.from_numpy(batch[:1]).requires_grad_()
    network(x).amax().backward()
    assert x.grad.abs().sum() > 0


def test_most_weights_are_stored_in_8_bits():
    model = onnx.load(EMBEDDED / MODELS[FACERES].file)
    numbers = sum(math.prod(t.dims) for t in model.graph.initializer if t.name.endswith(INT8))
    assert numbers > 0.95 * sum(p.numel() for p in FaceRes().parameters())


def test_biases_make_up_for_8_bits(graph):
    """Each layer's channels have the means again that they had before rounding."""
    nodes, constants = tensorflow_js.read(graph(), faceres.NAME)
    exact = faceres.network(nodes, faceres.tensors(nodes, constants))
    plain = quantised.pack(exact, lambda name, weight: "pointwise" in name)
    x = crops()[::6]
    wanted = exact.features(x).mean(0)

    def off(stored):
        return (faceres.restored(exact, stored).features(x).mean(0) - wanted).norm()

    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(faceres, "LARGE", 0)
        assert off(faceres.packed(exact)) < 0.5 * off(plain)


def test_the_real_one_has_its_size_and_halves_at_the_end():
    network = FaceRes()
    assert sum(p.numel() for p in network.parameters()) == 3_196_032
    picture = torch.zeros(1, 1, 8, 8)
    assert same(picture, 2).shape == (1, 1, 9, 9)
    assert same(picture, 1).shape == (1, 1, 10, 10)
