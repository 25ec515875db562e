"""Panels of your own: an ONNX file is given a picture by its contract, and keeps its label."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_models import (
    brightness,
    classifier,
    coffee,  # noqa: F401  a fixture
    label,
    lanczos,
    outputs,
    write,
)
from PIL import Image

from engine import machine_jnd
from engine.commands import cli
from engine.images.picture import decode
from engine.machine.figure import draw_figure
from engine.machine.jnd import MachineJND, load
from engine.panels.classes import class_names
from engine.panels.naming import Entry, PanelSpec, parse
from engine.panels.own import OwnPanel
from engine.panels.predicted import softmax

ROOT = Path(__file__).parents[1]
UNSEEN = ROOT.parent / "shared" / "weights" / "unseen-classifiers"
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
RANGES = {
    None: lambda x: x / 255,
    "unit": lambda x: x / 255,
    "signed": lambda x: x / 127.5 - 1,
    "bytes": lambda x: x,
    "imagenet": lambda x: (x / 255 - MEAN) / DEVIATION,
}


def opened(path: str, **named) -> OwnPanel:
    return OwnPanel(parse(path, **named), device="cpu")


# --- the contract ---


@pytest.mark.parametrize(
    ("shape", "size", "kind"),
    [
        (("n", 3, 32, 32), (32, 32), np.float32),
        ((1, 3, 48, 40), (40, 48), np.float32),
        (("n", 24, 40, 3), (40, 24), np.float32),
        (("n", 3, "h", "w"), (224, 224), np.float32),
        ((1, "h", "w", 3), (224, 224), np.float32),
        (("n", 3, 32, 32), (32, 32), np.float16),
        (("n", 3, 32, 32), (32, 32), np.float64),
        (("n", 32, 32, 3), (32, 32), np.uint8),
    ],
)
def test_size_layout_type_and_batch_are_the_graphs(shape, size, kind, tmp_path, photos):
    path = write(tmp_path / "model.onnx", classifier(shape, kind=kind))
    panel = opened(path)
    assert panel.parts[0].size == size
    pictures = np.stack([lanczos(photos[name], 300, 200) for name in ("coffee", "chelsea")])
    expected = []
    for picture in pictures:
        batch = lanczos(picture, *size)[None].astype(np.float32)
        batch = (batch if kind is np.uint8 else batch / 255).astype(kind)
        expected.append(outputs(path, batch if shape[3] == 3 else batch.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(
        panel.logits_of(pictures), np.stack(expected), rtol=2e-3 if kind is np.float16 else 1e-5
    )
    assert panel.class_names == (("class 0", "class 1", "class 2", "class 3", "class 4"),)


@pytest.mark.parametrize("name", RANGES)
def test_the_range_of_the_input(name, tmp_path, coffee):  # noqa: F811
    path = write(tmp_path / "model.onnx", classifier())
    batch = RANGES[name](lanczos(coffee, 32, 32).astype(np.float32)).transpose(2, 0, 1)[None]
    got = opened(path, input_range=name).logits_of(coffee[None])[0]
    np.testing.assert_allclose(got, outputs(path, batch), rtol=1e-4)


def test_probabilities_become_logits(tmp_path, coffee):  # noqa: F811
    plain = opened(write(tmp_path / "plain.onnx", classifier(scale=2)))
    ended = opened(write(tmp_path / "softmax.onnx", classifier(scale=2, softmax=True)))
    shares = [softmax(panel.logits_of(coffee[None])) for panel in (plain, ended)]
    np.testing.assert_allclose(*shares, rtol=1e-4)
    assert shares[0].max() < 0.99


# --- the result ---


def test_exactly_the_named_classifiers_keep_their_labels(tmp_path, coffee):  # noqa: F811
    path = write(tmp_path / "model.onnx", classifier((1, 3, 48, 48), classes=7))
    alone = machine_jnd(coffee, panel=path, device="cpu")
    beside = machine_jnd(coffee, panel=["photos", path], device="cpu")
    assert [each.classifier for each in alone.labels] == ["model.onnx"]
    assert [each.classifier for each in beside.labels] == [
        *("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "model.onnx")
    ]
    assert (alone.panel, beside.panel) == ("model.onnx", "photos + model.onnx")
    photos = load(None, "cpu", panel="photos")
    for result in (alone, beside):
        assert result.verified
        assert result.rca == 1
        assert result.distorted.shape == coffee.shape
        pixels = decode(result.png).pixels
        assert label(path, pixels, 48) == label(path, coffee, 48)
        assert result.labels[-1].after == f"class {label(path, pixels, 48)}"
        assert "model.onnx: given it at 48×48" in result.notes
        assert draw_figure(result, "coffee").dtype == np.uint8
    labels = photos.labels_of(np.stack([coffee, beside.distorted]))
    np.testing.assert_array_equal(*labels)


def test_the_change_is_weakened_until_an_own_model_holds(tmp_path, coffee):  # noqa: F811
    mean = lanczos(coffee, 40, 40).mean() / 255
    paths = [
        write(tmp_path / f"{name}.onnx", brightness(mean + step))
        for name, step in (("above", -0.01), ("below", 0.01))
    ]
    free = machine_jnd(coffee, panel="photos", device="cpu")
    held = machine_jnd(coffee, panel=paths, device="cpu")
    assert [label(path, free.distorted, 40) for path in paths] != [0, 1]
    assert [label(path, held.distorted, 40) for path in paths] == [0, 1]
    assert held.verified
    assert held.psnr_db > free.psnr_db + 3
    assert (held.distorted != coffee).any()


def test_one_member_of_several_may_be_enough(tmp_path, coffee):  # noqa: F811
    mean = lanczos(coffee, 40, 40).mean() / 255
    paths = [
        write(tmp_path / "strict.onnx", brightness(mean - 0.001)),
        write(tmp_path / "free.onnx", classifier(scale=0.01)),
    ]
    machine = MachineJND(panel=parse(paths), device="cpu")
    strict, one = machine(coffee), machine(coffee, members="free.onnx")
    assert one.members == ("free.onnx",)
    assert one.psnr_db < strict.psnr_db


def test_fewer_classes_than_another_are_no_classes(tmp_path, coffee):  # noqa: F811
    few = write(tmp_path / "few.onnx", classifier(classes=2))
    many = write(tmp_path / "many.onnx", classifier(classes=1001, scale=0.1))
    panel = opened([few, many])
    logits = panel.logits_of(coffee[None])
    assert logits.shape == (1, 2, 1001)
    assert np.isneginf(logits[0, 0, 2:]).all()
    assert np.isfinite(softmax(logits)).all()
    change = panel.label_changes(logits[0], logits[0])
    assert change[0].before in ("class 0", "class 1")
    assert panel.class_names[1][0] == "background"
    assert panel.class_names[1][286] == "Egyptian cat"


def test_a_file_that_changes_is_read_again(tmp_path, coffee):  # noqa: F811
    path = tmp_path / "model.onnx"
    names = []
    for classes in (2, 3):
        write(path, classifier(classes=classes))
        machine_jnd(coffee, panel=path, device="cpu")
        names.append(len(load(None, "cpu", panel=parse(path)).panel.class_names[0]))
    assert names == [2, 3]


STRANGE = {
    "1x1": np.zeros((1, 1, 3), np.uint8),
    "4000x3": np.full((3, 4000, 3), 90, np.uint8),
    "3x4000": np.full((4000, 3, 3), 200, np.uint8),
    "grey": np.eye(70, 90, dtype=np.uint8),
}


@pytest.mark.parametrize(
    ("panel", "name"),
    [(panel, name) for panel in ("cifar10", "own") for name in STRANGE],
)
def test_strange_pictures_have_a_verified_result(panel, name, tmp_path):
    """Those of `photos` are in test_photos.py."""
    pixels = STRANGE[name]
    named = panel if panel != "own" else write(tmp_path / "model.onnx", classifier())
    result = machine_jnd(pixels, panel=named, device="cpu")
    assert result.verified
    assert result.size == pixels.shape[1::-1]
    expected = (32, 32) if panel == "cifar10" else pixels.shape[:2]
    assert result.distorted.shape == (*expected, 3)
    assert np.isfinite(result.change).all()


# --- names ---

IMAGENET = tuple(f"name {index}" for index in range(1000))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat\ndog\n", ("cat", "dog")),
        ("\ufeffcat\r\n dog \r\n\n", ("cat", "dog")),
        ('["cat", "d\\u001bog"]', ("cat", "d og")),
        ("crane\ncrane", ("crane 0", "crane 1")),
        ("\ndog", ("class 0", "dog")),
    ],
)
def test_labels_are_lines_or_a_list(text, expected, tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text(text)
    assert class_names("model.onnx", 2, path, IMAGENET) == expected


def test_classes_without_labels():
    assert class_names("m", 1000, None, IMAGENET) == IMAGENET
    assert class_names("m", 1001, None, IMAGENET) == ("background", *IMAGENET)
    assert class_names("m", 18, None, IMAGENET)[17] == "class 17"


def test_names_of_panels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.onnx", "b,c.onnx", "w.pth", "sub/a.onnx"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    assert parse("photos") == parse(["photos"]) == "photos"
    assert parse("auto") == "auto"
    assert isinstance(parse("photos,cifar10"), PanelSpec)

    def titles(*given, **named):
        return [entry.title for entry in parse(list(given), **named).entries]

    assert titles("photos,a.onnx", "b,c.onnx") == ["photos", "a.onnx", "b,c.onnx"]
    assert titles("a.onnx", Path("sub/a.onnx")) == ["a.onnx", str(Path("sub/a.onnx"))]
    assert titles("torchvision:alexnet,vgg16=w.pth") == ["torchvision:alexnet", "torchvision:vgg16"]
    Path("x,y.pth").touch()
    assert parse("timm:resnet18=x,y.pth").entries[0].file == Path("x,y.pth")
    assert titles("torchvision:alexnet,timm:resnet18") == ["torchvision:alexnet", "timm:resnet18"]
    entry: Entry = parse("timm:resnet18=w.pth").entries[0]
    assert (entry.kind, entry.name, entry.file) == ("timm", "resnet18", Path("w.pth"))
    ranges = parse(["a.onnx", "b,c.onnx"], input_range=["signed", "bytes"]).entries
    assert [each.input_range for each in ranges] == ["signed", "bytes"]


# --- the command line ---


def test_the_command_line_needs_no_torch(tmp_path, coffee):  # noqa: F811
    path = write(tmp_path / "model.onnx", classifier(classes=3))
    (tmp_path / "labels.txt").write_text("one\ntwo\nthree\n")
    Image.fromarray(coffee).save(tmp_path / "coffee.png")
    words = ["machine", str(tmp_path / "coffee.png"), "--panel", "photos", "--panel", path]
    words += ["--labels", str(tmp_path / "labels.txt"), "--input-range", "imagenet"]
    words += ["--json", "--out", str(tmp_path), "--device", "cpu"]
    code = (
        "import sys\nfrom engine.commands import cli\n"
        f"assert cli.main({words!r}) == 0\nassert 'torch' not in sys.modules\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    row = json.loads(ran.stdout)
    assert row["panel"] == "photos + model.onnx"
    assert row["verified"]
    assert row["labels"][-1]["before"] in ("one", "two", "three")
    assert "model.onnx " in ran.stderr  # its digest


@pytest.mark.skipif(not UNSEEN.is_dir(), reason="these files lie beside the project or not at all")
def test_real_classifiers_of_others(tmp_path, capsys, photos):
    Image.fromarray(photos["chelsea"]).save(tmp_path / "cat.png")
    files = [str(UNSEEN / f"{name}.onnx") for name in ("mobilenet_v2", "squeezenet_1_1")]
    options = ["--panel", ",".join(files), "--json", "--out", str(tmp_path), "--device", "cpu"]
    assert cli.main(["machine", str(tmp_path / "cat.png"), *options]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["verified"]
    assert len(row["labels"]) == 2
    assert all("cat" in each["before"] or "tabby" in each["before"] for each in row["labels"])
