"""Graphs that take memory or time without bound: refused in one line, the caller is spared."""

from __future__ import annotations

import sys
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_models import classifier, constant, graph, value, write
from PIL import Image

from engine.commands import cli
from engine.errors import UsageError, WeightsError
from engine.panels.naming import parse
from engine.panels.own import OwnPanel
from engine.system import apart

PICTURE = value("x", ("n", 3, 8, 8))
POOLED = [
    helper.make_node("GlobalAveragePool", ["x"], ["g"]),
    helper.make_node("Flatten", ["g"], ["f"]),
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")


def filled(elements: int, *, at_loading: bool) -> onnx.ModelProto:
    """A graph with a tensor of so many 4-byte values, made when it is loaded or when it runs."""
    size = constant("size", np.int64([elements]))
    nodes = [*POOLED]
    if not at_loading:  # its size depends on the input, so nothing can be computed before
        nodes += [
            helper.make_node("Shape", ["x"], ["s"], start=0, end=1),
            helper.make_node("Mul", ["s", "size"], ["many"]),
        ]
    nodes += [
        helper.make_node("ConstantOfShape", ["size" if at_loading else "many"], ["big"]),
        helper.make_node("ReduceMax", ["big"], ["top"], keepdims=0),
        helper.make_node("Add", ["f", "top"], ["y"]),
    ]
    return graph(nodes, [PICTURE], ("n", 3), [size])


def doubled(times: int) -> onnx.ModelProto:
    """A graph that sets a tensor beside itself again and again: without weights, 2^times larger."""
    nodes, name = [*POOLED], "f"
    for index in range(times):
        nodes.append(helper.make_node("Concat", [name, name], [f"d{index}"], axis=1))
        name = f"d{index}"
    nodes.append(helper.make_node("ReduceMax", [name], ["top"], axes=[1], keepdims=1))
    nodes.append(helper.make_node("Add", ["f", "top"], ["y"]))
    return graph(nodes, [PICTURE], ("n", 3))


def endless() -> onnx.ModelProto:
    """A loop whose condition stays true and whose end is 2^63 turns away."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["more"], ["still"]),
            helper.make_node("Add", ["before", "one"], ["after"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("more", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    nodes = [*POOLED, helper.make_node("Loop", ["most", "yes", "f"], ["y"], body=body)]
    weights = [
        constant("most", np.int64(2**63 - 1)),
        helper.make_tensor("yes", 9, [], [True]),
        constant("one", np.float32(1)),
    ]
    return graph(nodes, [PICTURE], ("n", 3), weights)


HUNGRY = {
    "when it is loaded": lambda: filled(1 << 30, at_loading=True),
    "when it runs": lambda: filled(1 << 30, at_loading=False),
    "beyond any memory": lambda: filled(1 << 45, at_loading=False),
    "beyond what a number holds": lambda: filled(1 << 62, at_loading=False),
    "twice as much each time": lambda: doubled(30),
}


@pytest.fixture(autouse=True)
def tried_anew():
    from engine.panels.onnx_file import try_apart

    try_apart.cache_clear()


def peak() -> int:
    """The most memory that this process has had, in kB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@linux
@pytest.mark.parametrize("name", HUNGRY)
def test_memory_without_bound(name, tmp_path, monkeypatch):
    monkeypatch.setenv("JND_MODEL_GIB", "1")
    path = write(tmp_path / "hungry.onnx", HUNGRY[name]())
    before = peak()
    with pytest.raises(WeightsError) as raised:
        OwnPanel(parse(path), device="cpu")
    line = str(raised.value)
    assert line.startswith("hungry.onnx ")
    assert line.isprintable()
    if name == "beyond what a number holds":
        assert "fails on a picture of 8×8" in line
    else:
        assert line.endswith(
            "needs more than 1 GiB: give another model, or raise the limit (JND_MODEL_GIB)"
        )
    assert peak() - before < 700_000  # the embedded panel is loaded as well


def test_a_graph_that_does_not_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JND_MODEL_SECONDS", "12")
    path = write(tmp_path / "endless.onnx", endless())
    Image.new("RGB", (9, 9)).save(tmp_path / "black.png")
    options = ["--out", str(tmp_path / "out"), "--device", "cpu", "--panel", path]
    begun = time.monotonic()
    assert cli.main(["machine", str(tmp_path / "black.png"), *options]) == 2
    assert time.monotonic() - begun < 60
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "error: endless.onnx takes more than 12 s for one picture: give another model, or raise "
        "the limit (JND_MODEL_SECONDS)"
    )


def kill_me(*_: str) -> None:
    """Run apart: the process ends as by a fault of a library."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGSEGV)


def leave(*_: str) -> None:
    """Run apart: the process ends as if all was well, and has said nothing."""
    import os

    os._exit(0)


@pytest.mark.parametrize(("function", "words"), [("kill_me", "signal 11"), ("leave", "code 0")])
def test_a_process_that_ends_is_no_success(function, words):
    with pytest.raises(apart.ExceededError, match=f"ends the process that runs it .*{words}"):
        apart.run_apart(__name__, function)


def test_a_good_model_is_tried_once_until_its_file_changes(tmp_path, monkeypatch):
    from engine.panels import onnx_file

    runs = []

    def counted(*arguments):
        runs.append(arguments)
        return apart.run_apart(*arguments)

    monkeypatch.setattr(onnx_file, "run_apart", counted)
    path = tmp_path / "model.onnx"
    write(path, classifier())
    for _ in range(2):
        OwnPanel(parse(str(path)), device="cpu")
    assert len(runs) == 1
    write(path, classifier(classes=7, seed=3))
    assert len(OwnPanel(parse(str(path)), device="cpu").class_names[0]) == 7
    assert len(runs) == 2


@linux
def test_a_model_that_needs_more_than_the_limit_runs_with_a_higher_one(tmp_path, monkeypatch):
    path = write(tmp_path / "large.onnx", filled(200_000_000, at_loading=False))
    monkeypatch.setenv("JND_MODEL_GIB", "0.5")
    with pytest.raises(WeightsError, match=r"needs more than 0\.5 GiB"):
        OwnPanel(parse(path), device="cpu")
    monkeypatch.setenv("JND_MODEL_GIB", "3")
    assert OwnPanel(parse(path), device="cpu").logits_of(np.zeros((1, 9, 9, 3), np.uint8)).size == 3


@pytest.mark.parametrize("text", ["much", "0", "-1", "nan", "inf"])
@pytest.mark.parametrize("variable", ["JND_MODEL_GIB", "JND_MODEL_SECONDS"])
def test_limits_that_are_no_number(variable, text, monkeypatch):
    monkeypatch.setenv(variable, text)
    with pytest.raises(UsageError, match=f"{variable}={text}: give a number above 0"):
        apart.bounds()


def test_the_limits_by_default(monkeypatch):
    for variable in ("JND_MODEL_GIB", "JND_MODEL_SECONDS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(apart, "physical_memory", lambda: 64 * 2.0**30)
    assert apart.bounds() == (8 << 30, 120)
    monkeypatch.setattr(apart, "physical_memory", lambda: 4 * 2.0**30)
    assert apart.bounds() == (3 << 30, 120)
