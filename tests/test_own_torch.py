"""Networks of torchvision and timm in a panel, and gradients for a search: random weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx import helper
from onnx_models import classifier, coffee, constant, graph, lanczos, random, value, write  # noqa: F401
from PIL import Image
from safetensors.torch import load_file, save_file

from engine import SetupError, UsageError, machine_jnd
from engine.commands import cli
from engine.errors import WeightsError
from engine.images.picture import to_batch
from engine.machine.search import Searcher
from engine.panels.gradients import GradientPanel, SearchPanel, search_panel
from engine.panels.naming import parse
from engine.panels.own import OwnPanel
from engine.panels.torch_models import weights_of

torchvision = pytest.importorskip("torchvision")
timm = pytest.importorskip("timm")
TINY = "test_resnet"  # of timm's, for tests like this


def state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.fixture(scope="module", autouse=True)
def seeded():
    torch.manual_seed(5)


@pytest.fixture(scope="module")
def files(tmp_path_factory, seeded) -> dict[str, Path]:
    """Weights of SqueezeNet for 10 classes, of timm's smallest for 1,000, and what is refused."""
    folder = tmp_path_factory.mktemp("weights")
    ten = state(torchvision.models.squeezenet1_1(weights=None, num_classes=10))
    paths = {
        name: folder / file
        for name, file in {
            "safe": "ten.safetensors",
            "parallel": "module.safetensors",
            "timm": "timm.safetensors",
            "pickle": "ten.pth",
            "former": "former.safetensors",
            "shape": "shape.safetensors",
        }.items()
    }
    save_file(ten, paths["safe"])
    save_file({f"module.{name}": value for name, value in ten.items()}, paths["parallel"])
    save_file(state(timm.create_model(TINY, pretrained=False)), paths["timm"])
    torch.save(ten, paths["pickle"])
    torch.save(ten, paths["former"], _use_new_zipfile_serialization=False)
    save_file(ten | {"features.0.weight": torch.zeros(64, 1, 3, 3)}, paths["shape"])
    return paths


def opened(*names: str, **named) -> OwnPanel:
    return OwnPanel(parse(list(names), **named), device="cpu")


@torch.no_grad()
def expected(network, pixels, side, mean, deviation) -> np.ndarray:
    """What a network predicts of a picture, by torchvision's own preprocessing."""
    picture = Image.fromarray(lanczos(pixels, side, side))
    transform = torchvision.transforms.Compose(
        [torchvision.transforms.ToTensor(), torchvision.transforms.Normalize(mean, deviation)]
    )
    return network.eval()(transform(picture)[None]).numpy()


@pytest.mark.parametrize("name", ["safe", "parallel"])
def test_torchvision_with_weights_of_a_file(name, files, coffee):  # noqa: F811
    network = torchvision.models.squeezenet1_1(weights=None, num_classes=10)
    network.load_state_dict(load_file(files["safe"]))
    panel = opened(f"torchvision:squeezenet1_1={files[name]}")
    ours = panel.logits_of(coffee[None])
    other = expected(network, coffee, 224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    np.testing.assert_allclose(ours[0], other, rtol=1e-3, atol=1e-4)
    assert panel.class_names == (tuple(f"class {index}" for index in range(10)),)


def test_timm_with_weights_of_a_file(files, coffee):  # noqa: F811
    network = timm.create_model(TINY, pretrained=False)
    config = timm.data.resolve_model_data_config(network)
    side = config["input_size"][2]
    panel = opened(f"timm:{TINY}={files['timm']}")
    assert panel.parts[0].size == (side, side)
    assert side != 224
    weights = weights_of(files["timm"])
    network.load_state_dict(weights)
    other = expected(network, coffee, side, config["mean"], config["std"])
    np.testing.assert_allclose(panel.logits_of(coffee[None])[0], other, rtol=1e-3, atol=1e-4)
    assert panel.class_names[0][285] == "Egyptian cat"


def test_a_result_against_both_libraries_and_a_file(files, coffee, tmp_path):  # noqa: F811
    names = [
        f"torchvision:squeezenet1_1={files['safe']}",
        f"timm:{TINY}={files['timm']}",
        write(tmp_path / "model.onnx", classifier()),
    ]
    (tmp_path / "ten.json").write_text(json.dumps([f"label {index}" for index in range(10)]))
    (tmp_path / "no.txt").write_text("a\nb\n")
    with pytest.raises(UsageError, match="squeezenet1_1 has 10 classes"):
        opened(names[0], labels=str(tmp_path / "no.txt"))
    panel = opened(names[0], labels=str(tmp_path / "ten.json"))
    assert panel.class_names[0][3] == "label 3"
    result = machine_jnd(coffee, panel=names, device="cpu")
    assert result.verified
    assert [each.classifier for each in result.labels] == [
        *("torchvision:squeezenet1_1", f"timm:{TINY}", "model.onnx")
    ]


def test_the_names_that_torchvisions_densenets_are_stored_under(tmp_path):
    own = state(torchvision.models.densenet121(weights=None))
    early = {}
    for name in own:
        for part in ("norm1", "norm2", "conv1", "conv2"):
            if "denselayer" in name:
                name = name.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.")
        early[name] = torch.zeros(0)  # the names are what is tested
    assert set(early) != set(own)
    save_file(early, tmp_path / "densenet.safetensors")
    assert set(weights_of(tmp_path / "densenet.safetensors")) == set(own)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("torchvision:alexne", UsageError, "torchvision has no classifier 'alexne'.*alexnet"),
        ("torchvision:fcn_resnet50", UsageError, "torchvision has no classifier"),
        ("timm:rsnet18", UsageError, "timm has no classifier 'rsnet18'.*resnet18"),
        ("torchvision:alexnet={safe}", WeightsError, "does not fit torchvision:alexnet"),
        ("torchvision:squeezenet1_0={safe}", WeightsError, "it lacks .* and 11 more"),
        ("torchvision:squeezenet1_1={shape}", WeightsError, r"is \(64, 1, 3, 3\), not \(64, 3"),
        ("timm:resnet18={timm}", WeightsError, "does not fit timm:resnet18"),
        ("torchvision:squeezenet1_1={pickle}", WeightsError, "is a file of pickle.*convert it"),
        ("torchvision:squeezenet1_1={former}", WeightsError, "is a file of pickle.*convert it"),
        ("torchvision:squeezenet1_1={text}", WeightsError, "cannot be read as weights"),
        ("timm:resnet18={unsafe}", WeightsError, "cannot be read as weights"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(name, error, words, files, tmp_path, capsys):
    texts = {"text": tmp_path / "text.pth", "unsafe": tmp_path / "text.safetensors"}
    for path in texts.values():
        path.write_text("no weights")
    Image.new("RGB", (9, 9)).save(tmp_path / "black.png")
    given = name.format(**files, **texts)
    with pytest.raises(error, match=words) as raised:
        opened(given)
    assert "\n" not in str(raised.value)
    options = ["--out", str(tmp_path), "--device", "cpu", "--panel", given]
    assert cli.main(["machine", str(tmp_path / "black.png"), *options]) == 2
    assert capsys.readouterr().err == f"error: {raised.value}\n"


def test_the_librarys_own_weights(monkeypatch, coffee):  # noqa: F811
    from torchvision.models import _api

    network = torchvision.models.squeezenet1_1(weights=None)
    requests = []

    def fetch(url, *arguments, **named):
        requests.append(url)
        return state(network)

    monkeypatch.setattr(_api, "load_state_dict_from_url", fetch)
    panel = opened("torchvision:squeezenet1_1")
    assert "squeezenet1_1" in requests[0]
    assert panel.class_names[0][285] == "Egyptian cat"
    other = expected(network, coffee, 224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    np.testing.assert_allclose(panel.logits_of(coffee[None])[0], other, rtol=1e-3, atol=1e-4)

    def unreachable(*arguments, **named):
        raise URLError("no network")

    monkeypatch.setattr(_api, "load_state_dict_from_url", unreachable)
    with pytest.raises(WeightsError, match=r"no network.*torchvision:squeezenet1_0=FILE"):
        opened("torchvision:squeezenet1_0")


@pytest.mark.parametrize(
    ("missing", "name"),
    [("torch", "torchvision:alexnet"), ("torchvision", "torchvision:alexnet"), ("timm", "timm:a")],
)
def test_a_library_that_is_not_installed(missing, name, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "torch":
        monkeypatch.delitem(sys.modules, "engine.panels.torch_models")
    with pytest.raises(SetupError, match=r"pip install 'just-noticeable\[panels\]'") as raised:
        opened(name)
    assert f"needs {missing}" in str(raised.value)


# --- gradients ---


def test_a_panel_for_a_search(files, photos, tmp_path):
    spec = parse(
        [
            "photos",
            "cifar10",
            f"torchvision:squeezenet1_1={files['safe']}",
            write(tmp_path / "half.onnx", classifier(half=True)),
            write(tmp_path / "softmax.onnx", classifier((1, 3, 224, 224), softmax=True, scale=2)),
            write(tmp_path / "last.onnx", classifier(("n", 64, 48, 3), classes=3)),
        ],
        input_range="imagenet",
    )
    panel = search_panel(spec, device="cpu")
    pixels = np.stack([lanczos(photos[name], 224, 224) for name in ("coffee", "chelsea")])
    x = torch.from_numpy(to_batch(pixels))
    with torch.no_grad():
        logits, cams = panel(x)
    assert logits.shape == (2, 11, 1000)
    assert cams.shape == (2, 3, 224, 224)
    numbers = [1000] * 3 + [10] * 5 + [5] * 2 + [3]
    assert torch.isfinite(logits).sum(2).tolist() == [numbers] * 2
    verified = OwnPanel(spec, device="cpu").logits_of(pixels)
    same = [0, 1, 2, 7, 9]  # at 224×224: nothing is resized
    ours = logits.numpy()[:, same]
    finite = np.isfinite(ours)
    np.testing.assert_allclose(ours[finite], verified[:, same][finite], rtol=2e-3, atol=2e-3)
    own = SearchPanel(list(panel.parts)[2:], panel.basis)
    x = x[:1].requires_grad_()
    for part in own.parts:
        (gradient,) = torch.autograd.grad(part(x).logsumexp(1).sum(), x)
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0
    together = own.logits(x).flatten(0, 1)
    (gradient,) = torch.autograd.grad(F.cross_entropy(together, torch.zeros(4, dtype=int)), x)
    assert torch.isfinite(gradient).all()


def test_gradients_of_each_classifier_by_itself(tmp_path, photos):
    files = [
        write(tmp_path / "few.onnx", classifier(classes=3)),
        write(tmp_path / "many.onnx", classifier(classes=7, seed=9)),
    ]
    spec = parse(files)
    panel = OwnPanel(spec, device="cpu")
    gradients = GradientPanel(panel, search_panel(spec, device="cpu"), "cpu")
    pixels = lanczos(photos["coffee"], 224, 224)[None]
    pulls = np.zeros((2, 7), np.float32)
    pulls[1, 4] = 1
    found = gradients.gradient(pixels, pulls)
    assert not found[0].any()
    x = torch.from_numpy(to_batch(pixels)).requires_grad_()
    (expected,) = torch.autograd.grad(gradients.module.logits(x)[0, 1, 4], x)
    np.testing.assert_allclose(found[1], expected[0].numpy(), rtol=1e-4, atol=1e-7)
    pulls[0, 2] = 1
    assert gradients.gradient(pixels, pulls)[0].any()


def test_a_search_lowers_its_loss_and_is_verified(files, coffee, tmp_path, capsys):  # noqa: F811
    names = [f"timm:{TINY}={files['timm']}", write(tmp_path / "model.onnx", classifier())]
    searcher = Searcher(search_panel(parse(names), device="cpu"), device="cpu")
    steps = list(searcher.steps(lanczos(coffee, 224, 224)[None], count=5))
    assert steps[-1].loss < steps[0].loss
    Image.fromarray(coffee).save(tmp_path / "coffee.png")
    options = ["--panel", names[0], "--panel", names[1], "--search", "--max-seconds", "1"]
    options += ["--json", "--out", str(tmp_path), "--device", "cpu"]
    assert cli.main(["machine", str(tmp_path / "coffee.png"), *options]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["verified"]
    assert row["panel"] == f"timm:{TINY} + model.onnx"


def test_a_graph_that_has_no_gradient_here(tmp_path, monkeypatch):
    rows = [
        helper.make_node("GlobalMaxPool", ["x"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["m"]),
        helper.make_node("Hardmax", ["m"], ["y"]),
    ]
    made = graph(rows, [value("x", ("n", 3, 8, 8))], ("n", 5), [constant("w", random(3, 5))])
    spec = parse(write(tmp_path / "hard.onnx", made))
    assert OwnPanel(spec, device="cpu").class_names[0][4] == "class 4"
    with pytest.raises(WeightsError, match=r"hard\.onnx gives no gradients.*do without"):
        search_panel(spec, device="cpu")
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(SetupError, match=r"needs onnx2torch: run pip install"):
        search_panel(spec, device="cpu")
