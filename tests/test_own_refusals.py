"""Models of your own that are none, labels that do not fit: one line each, exit code 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_models import classifier, constant, graph, random, value, write
from PIL import Image

from engine import UsageError, machine_jnd
from engine.commands import cli
from engine.errors import WeightsError
from engine.panels.naming import parse
from engine.panels.own import OwnPanel

PICTURE = ("n", 3, 8, 8)


def nodes(
    *rows: tuple, shape: tuple = PICTURE, output: tuple = ("n", 5), **named
) -> onnx.ModelProto:
    """A graph of one input x of this shape; rows: (operator, inputs, outputs, attributes)."""
    kind = named.pop("kind", np.float32)
    made = [helper.make_node(op, list(i), list(o), **more) for op, i, o, more in rows]
    return graph(made, [value("x", shape, kind)], output, **named)


POOLED = [("GlobalAveragePool", "x", "g", {}), ("Flatten", "g", "f", {})]


def linear(weights: np.ndarray, output: tuple) -> onnx.ModelProto:
    rows = [*POOLED, ("MatMul", "fw", "y", {})]
    return nodes(*rows, output=output, weights=[constant("w", weights)])


def two_inputs() -> onnx.ModelProto:
    added = helper.make_node("Add", ["x", "z"], ["y"])
    return graph([added], [value("x", PICTURE), value("z", PICTURE)], PICTURE)


def chance() -> onnx.ModelProto:
    rows = [*POOLED, ("MatMul", "fw", "m", {}), ("RandomNormalLike", "m", "r", {"seed": 1.0})]
    return nodes(*rows, ("Add", "mr", "y", {}), weights=[constant("w", random(3, 5))])


def inside_only(location: str) -> onnx.ModelProto:
    """A graph whose weights are in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3, 5])
    tensor.data_location = TensorProto.EXTERNAL
    for key, entry in (("location", location), ("offset", "0"), ("length", "60")):
        tensor.external_data.add(key=key, value=entry)
    return nodes(*POOLED, ("MatMul", "fw", "y", {}), weights=[tensor])


MODELS = {
    "two inputs": (two_inputs, "has 2 inputs (x, z): give a model with one"),
    "words": (
        lambda: nodes(("Identity", "x", "y", {}), shape=("n", 20), output=("n", 20)),
        "takes ?×20, no RGB picture",
    ),
    "grey": (
        lambda: nodes(("Flatten", "x", "y", {}), shape=("n", 1, 8, 8), output=("n", 64)),
        "takes ?×1×8×8, no RGB picture",
    ),
    "tokens": (
        lambda: nodes(("Cast", "x", "y", {"to": 1}), kind=np.int64, output=PICTURE),
        "takes tensor(int64), no picture",
    ),
    "another picture": (
        lambda: nodes(("Relu", "x", "y", {}), output=PICTURE),
        "gives 1×3×8×8 for one picture, not 1×classes",
    ),
    "one number": (
        lambda: linear(random(3, 1), ("n", 1)),
        "gives 1×1 for one picture, not 1×classes",
    ),
    "a label": (
        lambda: nodes(
            *POOLED,
            ("ArgMax", "f", "a", {"axis": 1, "keepdims": 0}),
            ("Cast", "a", "y", {"to": 1}),
            output=("n",),
        ),
        "gives 1 for one picture, not 1×classes",
    ),
    "a batch of four": (lambda: classifier((4, 3, 8, 8)), "takes 4 pictures at a time (4×3×8×8)"),
    "huge": (lambda: classifier(("n", 3, 5000, 5000)), "the limit is 4096 pixels a side"),
    "NaN": (
        lambda: linear(np.full((3, 5), np.nan, np.float32), ("n", 5)),
        "predicts NaN or infinite values: check its weights",
    ),
    "chance": (chance, "predicts something else of the same picture each time"),
    "custom": (
        lambda: graph(
            [helper.make_node("Mine", ["x"], ["y"], domain="com.example")],
            [value("x", PICTURE)],
            ("n", 5),
            domains=("com.example",),
        ),
        "com.example:Mine(-1) is not a registered function/op",
    ),
    "of another size": (
        lambda: nodes(
            ("Flatten", "x", "f", {}),
            ("MatMul", "fw", "y", {}),
            shape=("n", 3, "h", "w"),
            weights=[constant("w", random(192, 5))],
        ),
        "fails on a picture of 224×224",
    ),
    "data above": (lambda: inside_only("../w.bin"), "path escapes model directory"),
    "data elsewhere": (lambda: inside_only("/etc/hostname"), "Absolute path not allowed"),
    "data missing": (lambda: inside_only("gone.bin"), "path does not exist"),
}
BYTES = {
    "truncated": (classifier().SerializeToString()[:400], "cannot be run as an ONNX model"),
    "empty": (b"", "cannot be run as an ONNX model"),
    "text": (b"no model at all", "cannot be run as an ONNX model"),
}


@pytest.fixture
def refused(tmp_path, capsys):
    """Runs the command on a picture; its one line of an error."""
    Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(tmp_path / "grey.png")

    def run(*arguments: str) -> str:
        options = ["--device", "cpu", "--out", str(tmp_path / "out")]
        assert cli.main(["machine", str(tmp_path / "grey.png"), *options, *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        (line,) = captured.err.splitlines()
        assert line.startswith("error: ")
        assert ": " in line.removeprefix("error: ")
        return line

    return run


@pytest.mark.parametrize("name", [*MODELS, *BYTES])
def test_a_model_that_cannot_be_used_is_one_line(name, tmp_path, refused):
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(60))
    path = folder / "model.onnx"
    if name in MODELS:
        made, words = MODELS[name]
        write(path, made())
    else:
        data, words = BYTES[name]
        path.write_bytes(data)
    line = refused("--panel", str(path))
    assert "model.onnx" in line
    assert words in line


def test_data_beside_the_graph_is_read(tmp_path):
    (tmp_path / "w.bin").write_bytes(random(3, 5).tobytes())
    panel = OwnPanel(parse(write(tmp_path / "m.onnx", inside_only("w.bin"))), device="cpu")
    logits = panel.logits_of(np.full((1, 9, 9, 3), 255, np.uint8))
    np.testing.assert_allclose(logits[0, 0], random(3, 5).sum(0), rtol=1e-5)


def test_nan_of_one_picture_only(tmp_path):
    """A logarithm of a picture that is black."""
    rows = [*POOLED, ("Log", "f", "l", {}), ("MatMul", "lw", "y", {})]
    path = write(tmp_path / "m.onnx", nodes(*rows, weights=[constant("w", random(3, 5))]))
    panel = OwnPanel(parse(path), device="cpu")
    assert np.isfinite(panel.logits_of(np.full((1, 9, 9, 3), 9, np.uint8))).all()
    with pytest.raises(WeightsError, match=r"m\.onnx predicts NaN or infinite values"):
        machine_jnd(np.zeros((9, 9, 3), np.uint8), panel=path, device="cpu")


LABELS = {
    "too few": (b"a\nb\n", "has 2 names, but model.onnx has 5 classes"),
    "no text": (b"\xff\xfe\x00", "is no text in UTF-8"),
    "no list": (b'["a", 5]', "is no JSON list of names"),
    "no JSON": (b'["a", ', "is no JSON list of names"),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_that_do_not_fit(name, tmp_path, refused):
    data, words = LABELS[name]
    (tmp_path / "labels.txt").write_bytes(data)
    model = write(tmp_path / "model.onnx", classifier())
    assert words in refused("--panel", model, "--labels", str(tmp_path / "labels.txt"))


NAMES = [
    (["nothing"], "no panel 'nothing': choose from auto, cifar10, photos, a file NAME.onnx"),
    (["gone.onnx"], "gone.onnx: no such file"),
    (["."], "no panel '.'"),
    (["{folder}.onnx"], "is a folder"),
    (["{model},{model}"], "names {model} 2 times"),
    (["auto", "{model}"], "auto chooses an embedded panel"),
    (["torchvision:"], "give torchvision:NAME"),
    (["timm:resnet18="], "give timm:NAME"),
    (["timm:resnet18=gone.pth"], "gone.pth: no such file"),
    (["torchvision:alexnet,photos"], "with a --panel of its own"),
    (["photos", "--labels", "{model}"], "labels: it is for models of a file"),
    (["photos", "--input-range", "bytes"], "input range: it is for ONNX files"),
    (["{model}", "--labels", "gone.txt"], "gone.txt: no such file"),
    (["{model}", *["--labels", "{model}"] * 2], "given 2 times for 1 models of a file"),
    (["{model}", "--generator", "merged"], "the panel photos, which makes the change for"),
    (["{whole}", "--input-range", "imagenet"], "takes whole numbers"),
]


@pytest.mark.parametrize(("given", "words"), NAMES)
def test_names_and_options_that_make_no_sense(given, words, tmp_path, refused):
    (tmp_path / "folder.onnx").mkdir()
    places = {
        "model": write(tmp_path / "model.onnx", classifier()),
        "whole": write(tmp_path / "whole.onnx", classifier(kind=np.uint8)),
        "folder": str(tmp_path / "folder"),
    }
    arguments = [
        word
        if word.startswith("--") or (index and given[index - 1].startswith("--"))
        else f"--panel={word}"
        for index, word in enumerate(each.format(**places) for each in given)
    ]
    assert words.format(**places) in refused(*arguments)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"panel": 5}, "give a name or a path"),
        ({"panel": []}, "no panel is named"),
        ({"panel": [None]}, "give a name or a path"),
        ({"panel": Path("photos")}, "no such file"),
        ({"panel": "photos", "labels": 5}, "give a name or a path"),
        ({"panel": "{model}", "input_range": "0..1"}, "choose from unit, signed, bytes, imagenet"),
    ],
)
def test_in_python_too(named, words, tmp_path):
    if named["panel"] == "{model}":
        named = named | {"panel": write(tmp_path / "model.onnx", classifier())}
    with pytest.raises((UsageError, WeightsError), match=words):
        machine_jnd(np.zeros((9, 9, 3), np.uint8), **named)
