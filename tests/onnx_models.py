"""Small random ONNX classifiers, as somebody might bring them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

KINDS = {
    np.float32: TensorProto.FLOAT,
    np.float16: TensorProto.FLOAT16,
    np.float64: TensorProto.DOUBLE,
    np.uint8: TensorProto.UINT8,
    np.int64: TensorProto.INT64,
}


def random(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def value(name: str, shape: tuple, kind: type = np.float32) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, KINDS[kind], shape)


def constant(name: str, values: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values), name)


def graph(nodes: list, inputs: list, output: tuple, weights: list = (), domains: tuple = ()):
    """A model with the output y of this shape."""
    made = helper.make_graph(nodes, "made", inputs, [value("y", output)], list(weights))
    sets = [helper.make_opsetid("", 17), *(helper.make_opsetid(name, 1) for name in domains)]
    return helper.make_model(made, opset_imports=sets, ir_version=9)


def classifier(
    shape: tuple = ("n", 3, 32, 32),
    *,
    classes: int = 5,
    kind: type = np.float32,
    seed: int = 0,
    scale: float = 30.0,
    softmax: bool = False,
    half: bool = False,
) -> onnx.ModelProto:
    """A convolution, its mean over the picture, a linear layer.

    shape: of the input, N×3×H×W or N×H×W×3; kind: of its values; half: weights stored in half
    precision and cast; softmax: ends in probabilities.
    """
    weights = {
        "w": random(8, 3, 4, 4, seed=seed, scale=0.2),
        "v": random(8, classes, seed=seed + 1, scale=scale),
        "b": random(classes, seed=seed + 2),
    }
    nodes, x = [], "x"
    if kind is not np.float32:
        nodes, x = [helper.make_node("Cast", [x], ["f"], to=TensorProto.FLOAT)], "f"
    if shape[1] != 3 and shape[3] == 3:
        nodes.append(helper.make_node("Transpose", [x], ["t"], perm=[0, 3, 1, 2]))
        x = "t"
    if half:
        weights = {f"{name}16": array.astype(np.float16) for name, array in weights.items()}
        nodes += [helper.make_node("Cast", [f"{w}16"], [w], to=TensorProto.FLOAT) for w in "wvb"]
    nodes += [
        helper.make_node("Conv", [x, "w"], ["c"], strides=[4, 4]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["a"]),
        helper.make_node("Gemm", ["a", "v", "b"], ["l" if softmax else "y"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["l"], ["y"], axis=1))
    stored = [constant(name, array) for name, array in weights.items()]
    return graph(nodes, [value("x", shape, kind)], (shape[0], classes), stored)


def brightness(limit: float) -> onnx.ModelProto:
    """Two classes: whether the mean of a picture, 0…1, is above the limit."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["m", "axis"], ["u"]),
        helper.make_node("Gemm", ["u", "v", "b"], ["y"]),
    ]
    weights = [
        constant("axis", np.int64([1])),
        constant("v", np.float32([[1000, -1000]])),
        constant("b", np.float32([-1000 * limit, 1000 * limit])),
    ]
    return graph(nodes, [value("x", ("n", 3, 40, 40))], ("n", 2), weights)


def outside(place: Path, classes: int = 1000) -> Path:
    """A folder with toy.onnx, a linear classifier of the mean colour, as those outside a panel."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["colour"]),
        helper.make_node("MatMul", ["colour", "weight"], ["logits"]),
    ]
    ends = value("image", ("N", 3, 224, 224)), value("logits", ("N", classes))
    made = helper.make_graph(
        nodes, "toy", ends[:1], ends[1:], [constant("weight", random(3, classes))]
    )
    place.mkdir()
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(made, opset_imports=opset, ir_version=8), place / "toy.onnx")
    return place


def write(path: Path, model: onnx.ModelProto) -> str:
    path.write_bytes(model.SerializeToString())
    return str(path)


def lanczos(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """uint8 H×W×3 at (width, height)."""
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def outputs(path: str, batch: np.ndarray) -> np.ndarray:
    """What ONNX Runtime computes, without any of our code."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})[0]


def label(path: str, pixels: np.ndarray, side: int) -> int:
    """The class of a picture uint8 H×W×3 by a file that takes N×3×side×side in 0…1."""
    batch = lanczos(pixels, side, side).transpose(2, 0, 1)[None].astype(np.float32) / 255
    return int(outputs(path, batch).argmax())


@pytest.fixture(scope="module")
def coffee(photos) -> np.ndarray:
    """A photo, uint8 200×300×3."""
    return lanczos(photos["coffee"], 300, 200)
