"""Models made to harm: nothing in them is executed, and each that is wrong is one line."""

from __future__ import annotations

import ast
import json
import pickle
import struct
import time
from pathlib import Path

import pytest

from engine.errors import WeightsError

ROOT = Path(__file__).parents[1]
# Modules and functions that run what is in a file. The one exception is documented there.
MODULES = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}
CALLS = {"torch.load", "np.load", "numpy.load", "torch.jit.load", "load_state_dict_from_url"}
EXCEPTION = "export/photo/efficientnet.py"


def dotted(node: ast.expr) -> str:
    """`torch.load` as text; "" for what is no such name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def unsafe(source: str) -> list[str]:
    """What a module has that may run what is in a file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{each.name}" for each in node.names}
            found += [node.module] if (node.module or "").split(".")[0] in MODULES else []
            found += sorted(names & CALLS)
        elif isinstance(node, ast.Call) and dotted(node.func) in CALLS:
            told = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
            if "np" not in dotted(node.func) or told.get("allow_pickle", False) is not False:
                found.append(dotted(node.func))
    return found


def test_what_runs_code_is_noticed():
    assert unsafe("import pickle") == ["pickle"]
    assert unsafe("from joblib import load") == ["joblib"]
    assert unsafe("from torch import load") == ["torch.load"]
    assert unsafe("def f():\n    return torch.load(p, weights_only=True)") == ["torch.load"]
    assert unsafe("np.load(p, allow_pickle=True)") == ["np.load"]
    assert unsafe("np.load(p, allow_pickle=False), np.load(p)") == []


@pytest.mark.parametrize("house", ["engine", "demo", "training", "export"])
def test_nothing_that_runs_what_is_in_a_file_is_called(house):
    found = {
        path.relative_to(ROOT).as_posix(): unsafe(path.read_text())
        for path in (ROOT / house).rglob("*.py")
    }
    assert found
    wrong = {name: calls for name, calls in found.items() if calls and name != EXCEPTION}
    assert wrong == {}
    if house == "export":
        assert found[EXCEPTION] == ["torch.load"]
        assert (ROOT / EXCEPTION).read_text().count("weights_only=True)") == 1


# --- weights of a network ---


class Harm:
    """Runs code where it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def stored(header: dict | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file. length: of the header, as the file says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape: list[int], start: int, end: int, kind: str = "F32") -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


WRONG = {
    "no bytes": b"",
    "header longer than the file": stored({}, length=1 << 40),
    "header of all bits": stored({}, length=(1 << 64) - 1),
    "header cut": stored({"a": tensor([1], 0, 4)})[:20],
    "header no JSON": stored(b'{"a": '),
    "header a list": stored(b"[]"),
    "header deep": stored(b"[" * 100_000),
    "header no text": stored(b"\xff" * 50),
    "data missing": stored({"a": tensor([1000], 0, 4000)}, bytes(8)),
    "data too much": stored({"a": tensor([1], 0, 4)}, bytes(400)),
    "shape larger": stored({"a": tensor([1 << 40], 0, 4)}, bytes(4)),
    "shape beyond 64 bits": stored({"a": tensor([1 << 40, 1 << 40], 0, 4)}, bytes(4)),
    "shape negative": stored(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4)),
    "offsets crossed": stored({"a": tensor([1], 4, 0)}, bytes(4)),
    "offsets overlap": stored({"a": tensor([1], 0, 4), "b": tensor([1], 0, 4)}, bytes(4)),
    "unknown type": stored({"a": tensor([1], 0, 4, "OBJECT")}, bytes(4)),
    "nothing": stored({}),
    "another network": stored({"a": tensor([1], 0, 4)}, bytes(4)),
    "empty and large": stored({"classifier.1.weight": tensor([1 << 50, 0], 0, 0)}),
}


@pytest.mark.parametrize("name", WRONG)
def test_weights_that_lie_are_one_line_at_once(name, tmp_path):
    pytest.importorskip("torchvision")
    from engine.panels.naming import parse
    from engine.panels.own import OwnPanel

    path = tmp_path / "weights.safetensors"
    path.write_bytes(WRONG[name])
    begun = time.process_time()
    with pytest.raises(WeightsError, match=r"cannot be read as weights|does not fit") as raised:
        OwnPanel(parse([f"torchvision:squeezenet1_1={path}"]), device="cpu")
    assert time.process_time() - begun < 5
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("ending", ["pth", "pt", "bin", "safetensors"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_is_not_executed_whatever_it_is_called(ending, protocol, tmp_path):
    pytest.importorskip("torch")
    from engine.panels.torch_models import weights_of

    mark, path = tmp_path / "executed", tmp_path / f"weights.{ending}"
    path.write_bytes(pickle.dumps(Harm(mark), protocol))
    pickle.loads(path.read_bytes())
    assert mark.exists()  # it would
    mark.unlink()
    with pytest.raises(WeightsError):
        weights_of(path)
    assert not mark.exists()


def test_a_number_of_classes_that_needs_too_much_is_refused():
    torch = pytest.importorskip("torch")
    from engine.panels.torch_models import MOST_CLASSES, other_classes

    network = torch.nn.Linear(1, 10)
    for count, fits in ((11, 11), (MOST_CLASSES, MOST_CLASSES), (MOST_CLASSES + 1, None)):
        state = {"weight": torch.empty(count, 1), "bias": torch.empty(count)}
        assert other_classes(network, state) == fits


def test_an_array_of_thresholds_is_written_without_pickle(tmp_path, photos):
    import numpy as np
    from PIL import Image

    from engine.commands import cli

    Image.fromarray(photos["chelsea"][:16, :16]).save(tmp_path / "a.png")
    arguments = ["human", str(tmp_path / "a.png"), "--model", "wu2017", "--array"]
    assert cli.main([*arguments, "--out", str(tmp_path)]) == 0
    assert np.load(tmp_path / "a.human.npy", allow_pickle=False).shape == (16, 16, 3)
