"""`engine.attack.attack` on models of others: untrained torchvision networks and small ones."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import engine.attack
from engine.attack import AttackResult, Dodging, Impersonation, attack
from engine.attack.library.arguments import NAMES
from engine.attack.library.model import ModelObserver
from engine.attack.loop import Search, last
from engine.attack.methods import BUDGETED, METHODS, READS_JND, method
from engine.attack.problem import Problem
from engine.errors import ImageError, UsageError
from engine.images.picture import decode, to_batch

ROOT = Path(__file__).parents[1]
README = ROOT / "engine" / "attack" / "README.md"
FLAT = np.full((64, 64), 3.0, np.float32)
SIDE = 64


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """More of them only wait for each other, with networks this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """SqueezeNet 1.1 with random weights; its small logits are scaled up."""
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    torch.manual_seed(0)

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = models.squeezenet1_1(weights=None, num_classes=10)

        def forward(self, x):
            return 50 * self.network((x - 0.45) / 0.22)

    return Scaled().eval()


@pytest.fixture(scope="module")
def pictures(photos) -> np.ndarray:
    """uint8 3×64×64×3."""
    chosen = list(photos.values())[:3]
    return np.stack([np.asarray(Image.fromarray(each).resize((SIDE, SIDE))) for each in chosen])


@pytest.fixture(scope="module")
def small() -> nn.Module:
    """A smooth classifier of pictures of any size, with batch normalisation and dropout."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(128, 5),
    ).eval()


@torch.no_grad()
def outputs(model, pixels: np.ndarray) -> torch.Tensor:
    """Of one picture uint8 H×W×3."""
    return model(torch.from_numpy(to_batch(pixels[None])))[0]


def seconds(model, pictures) -> list[int]:
    """The labels that the model finds second best."""
    return [int(outputs(model, each).topk(2).indices[1]) for each in pictures]


def check(result: AttackResult, clean: np.ndarray) -> None:
    """What holds for every result, success or not."""
    assert result.pixels.dtype == np.uint8
    assert result.pixels.shape == clean.shape
    assert np.array_equal(decode(result.png).pixels, result.pixels)
    change = np.abs(result.pixels.astype(int) - clean)
    assert result.largest_change == change.max()
    error = np.square(change, dtype=float).mean()
    if error:
        assert result.psnr_db == pytest.approx(10 * np.log10(255**2 / error))
    assert result.success == (result.margin > 0)
    assert result.gradients > 0


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("name", ["pgd", "ddn", "fmn", "ours"])
def test_a_classifier_is_deceived(name, targeted, network, pictures):
    pictures = pictures[:2]
    target = seconds(network, pictures) if targeted else None
    results = attack(network, pictures, target=target, method=name, jnd=FLAT, steps=8)
    assert len(results) == 2
    for number, (result, clean) in enumerate(zip(results, pictures, strict=True)):
        check(result, clean)
        logits = outputs(network, result.pixels)
        label = result.label_before if not targeted else target[number]
        rest = torch.cat([logits[:label], logits[label + 1 :]]).max()
        margin = logits[label] - rest if targeted else rest - logits[label]
        assert result.margin == pytest.approx(margin.item(), abs=1e-3)
        assert result.label == logits.argmax()
        assert result.success == ((result.label == label) is targeted)
        assert (result.method, result.targeted) == (name, targeted)
    assert all(result.success for result in results)


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_method_is_offered(name, targeted, small, pictures):
    clean = pictures[0, :24, :24]
    target = seconds(small, [clean])[0] if targeted else None
    result = attack(small, clean, target=target, method=name, jnd=FLAT[:24, :24], steps=2)
    check(result, clean)


@pytest.mark.parametrize("name", METHODS)
def test_the_table_says_which_methods_read_the_threshold(name, small, pictures):
    """Nothing comes of a threshold that is no number, where it is read."""
    clean = torch.from_numpy(to_batch(pictures[:1, :24, :24]))
    labels = small(clean).argmax(1)[:, None]
    searches = []
    for threshold in (torch.full_like(clean, 0.01), torch.full_like(clean, torch.nan)):
        problem = Problem(clean, threshold, ModelObserver(small), labels, targeted=False)
        searches.append(Search(problem, method(name, False, steps=12)))
        last(searches[-1].steps())
    plain, without = searches
    if name in READS_JND:
        assert plain.found.all()
        assert not without.found.any()
    else:
        assert torch.equal(plain.nearest, without.nearest)
        assert not torch.equal(plain.nearest, clean)


def test_the_default_threshold_is_that_of_a_human_model(small, pictures, monkeypatch):
    named = []

    def thresholds(pixels, model):
        named.append(model)
        return np.full(pixels.shape, 3, np.float32)

    monkeypatch.setattr("engine.attack.library.arguments.thresholds", thresholds)
    default = attack(small, pictures[0])
    given = attack(small, pictures[0], jnd=FLAT)
    attack(small, pictures[0], method="pgd")
    attack(small, pictures[:2], jnd="wu2017", steps=1)
    assert named == ["hvs-sd", "wu2017", "wu2017"]
    assert np.array_equal(default.pixels, given.pixels)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("name", ["ours", "ddn"])
def test_an_embedder_is_dodged(metric, name, network, pictures):
    pictures = pictures[:2]
    embeddings = [outputs(network, each) for each in pictures]
    own = [each[None] for each in embeddings]  # from the very picture: no slope at the start
    threshold = {"euclidean": 1.5, "cosine": 0.01}[metric]
    criterion = Dodging(own, threshold, metric)
    results = attack(network, pictures, criterion=criterion, method=name, jnd=FLAT, steps=8)
    for result, clean, before in zip(results, pictures, embeddings, strict=True):
        check(result, clean)
        assert result.success
        after = outputs(network, result.pixels)
        if metric == "euclidean":
            distance = (after - before).norm()
            assert result.margin == pytest.approx((distance.item() - 1.5) / 0.125, abs=1e-2)
        else:
            distance = 1 - torch.cosine_similarity(after, before, dim=0)
        assert distance > threshold
        assert result.label is None


def test_an_embedder_takes_one_for_another(network, pictures):
    mine, other = (outputs(network, each) for each in pictures[:2])
    threshold = 0.8 * (mine - other).norm().item()
    references = torch.stack([other, other + 1000])  # the nearest counts
    result = attack(
        network, pictures[0], criterion=Impersonation(references, threshold), jnd=FLAT, steps=20
    )
    check(result, pictures[0])
    assert result.success
    assert result.targeted
    assert (outputs(network, result.pixels) - other).norm() < threshold


def test_a_criterion_of_ones_own(network, pictures):
    """Margins: all logits' spread is to grow; each picture's rows are given."""
    before = torch.stack([outputs(network, each) for each in pictures]).std(1)
    given = set()

    def spread(logits, rows):
        given.update(rows.tolist())
        return logits.std(1) - 1.05 * before[rows]

    results = attack(network, pictures, criterion=spread, method="ddn", steps=10, batch_size=2)
    assert given == {0, 1, 2}
    for number, result in enumerate(results):
        check(result, pictures[number])
        assert result.success
        assert outputs(network, result.pixels).std() > 1.05 * before[number]


def test_a_criterion_may_take_logits_out_of_other_outputs(small, pictures):
    class Wrapped(nn.Module):
        def forward(self, x):
            return {"logits": small(x)}

    plain = attack(small, pictures[0], method="pgd")
    taken = attack(Wrapped(), pictures[0], criterion=lambda out, _: out["logits"], method="pgd")
    assert np.array_equal(plain.pixels, taken.pixels)
    with pytest.raises(UsageError, match="dict"):
        attack(Wrapped(), pictures[0], method="pgd")


class Fractions(nn.Module):
    """Deceived as soon as one value lies between two 8-bit levels."""

    def __init__(self):
        super().__init__()
        self.last = None

    def forward(self, x):
        self.last = (255 * x - (255 * x).round()).abs().amax((1, 2, 3))
        slope = 1e-4 * x.sum((1, 2, 3))
        return torch.stack([0.1 + slope, 10 * self.last + slope], 1)


@pytest.mark.parametrize("rounded", [False, True])
def test_what_only_unrounded_pixels_do_is_no_success(rounded, pictures):
    model = Fractions()
    row = replace(method("ddn", False, steps=5), rounded=rounded)
    result = attack(model, pictures[0], label=0, method=row)
    assert not result.success
    assert result.label == 0
    assert result.margin < 0


def test_what_the_search_was_shown_does_not_count(small, pictures):
    """A model that is deceived as long as somebody takes gradients, and never again."""

    def model(x):
        logits = small(x)
        label = small(x).detach().argmax(1, keepdim=True)
        flip = 100.0 if len(x) > 1 else 0.0
        return logits.scatter_add(1, label, torch.full_like(logits[:, :1], -flip))

    label = [int(outputs(small, each).argmax()) for each in pictures[:2]]
    results = attack(model, pictures[:2], label=label, method="bim", steps=1)
    assert all(result.largest_change == 0 for result in results)  # the search saw success
    assert not any(result.success for result in results)


def test_a_failure_is_the_picture_that_came_closest(network, pictures):
    result = attack(network, pictures[0], method="pgd", epsilon=1, steps=2, margin=1000)
    check(result, pictures[0])
    assert result.largest_change == 1
    assert result.margin > result.margin_before


def test_a_model_without_outputs_for_changed_pictures_is_not_deceived(small, pictures):
    clean = torch.from_numpy(to_batch(pictures[:1]))

    def model(x):
        changed = (x - clean).detach().abs().amax((1, 2, 3)) > 1e-4
        return small(x) + torch.where(changed, torch.nan, 0.0)[:, None]

    result = attack(model, pictures[0], method="pgd")
    assert not result.success
    assert np.array_equal(result.pixels, pictures[0])
    assert result.label == result.label_before
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_picture_that_deceives_already_is_left_as_it_is(small, pictures):
    label = (int(outputs(small, pictures[0]).argmax()) + 1) % 5
    result = attack(small, pictures[0], label, method="ddn", margin=0)
    assert result.success
    assert result.largest_change == 0
    assert any("already" in note for note in result.notes)
    assert result.to_dict()["psnr_db"] is None


@pytest.mark.parametrize("epsilon", [2, 6])
@pytest.mark.parametrize("name", [name for name in BUDGETED if name != "fgv"])
def test_a_budget_is_kept(name, epsilon, network, pictures):
    result = attack(network, pictures[0], method=name, epsilon=epsilon, jnd=FLAT)
    check(result, pictures[0])
    assert 0 < result.largest_change <= epsilon


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was(training, fails, small, pictures):
    small.train(training)
    small[2].eval()
    small[0].bias.requires_grad_(False)
    small[6].weight.grad = torch.ones_like(small[6].weight)
    state = {name: value.clone() for name, value in small.state_dict().items()}
    try:
        if fails:
            with pytest.raises(UsageError):
                attack(small, pictures[0], label=5, method="pgd")
        else:
            with warnings.catch_warnings(), torch.inference_mode():
                warnings.simplefilter("error")  # nothing of dropout's chance
                attack(small, pictures[0], method="pgd")
        modes = [module.training for module in small]
        needed = [each.requires_grad for each in small.parameters()]
        gradient = small[6].weight.grad
    finally:
        small.eval().requires_grad_(True)
        small[6].weight.grad = None
    assert modes == [training, training, False, training, training, training, training]
    assert needed == [True, False, True, True, True, True]
    assert torch.equal(gradient, torch.ones_like(gradient))
    for name, value in small.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_one_picture_in_many_forms(small, pictures, tmp_path):
    Image.fromarray(pictures[0]).save(tmp_path / "photo.png")
    planes = torch.from_numpy(pictures[0].copy()).permute(2, 0, 1)
    forms = (
        pictures[0],
        tmp_path / "photo.png",
        Image.fromarray(pictures[0]),
        planes,
        planes.float() / 255,
    )
    results = [attack(small, each, method="pgd", seed=4) for each in forms]
    for result in results:
        assert np.array_equal(result.pixels, results[0].pixels)
    others = (list(pictures), torch.from_numpy(pictures).permute(0, 3, 1, 2), pictures)
    batches = [attack(small, each, method="bim", batch_size=2) for each in others]
    for batch in batches:
        assert isinstance(batch, tuple)
        for one, two in zip(batch, batches[0], strict=True):
            assert np.array_equal(one.pixels, two.pixels)


def test_it_ends_in_time(small, pictures):
    short = attack(small, pictures, method="cw", max_seconds=0, batch_size=2)
    assert max(result.gradients for result in short) == 1


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"model": 3}, "give a torch.nn.Module"),
        ({"method": "magic"}, "choose from fgsm"),
        ({"label": 0, "target": 1}, "label and target"),
        ({"label": 5}, "label 5: the model has 0…4"),
        ({"label": -1}, "label -1: give a whole number, 0 or more"),
        ({"target": True}, "target True: give a whole number"),
        ({"target": 1.5}, "target 1.5: give a whole number"),
        ({"label": [0, 1]}, "2 of label for 1 pictures"),
        ({"epsilon": 0.03, "method": "pgd"}, "outside 1…255"),
        ({"epsilon": 8, "method": "cw"}, "no budget: leave it out, or choose from fgsm"),
        ({"steps": 0}, "steps 0: give a whole number, 1 or more"),
        ({"margin": -1}, "margin -1 is outside"),
        ({"max_seconds": -1}, "max_seconds -1: give a number, 0 or more"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"seed": 0.5}, "seed 0.5"),
        ({"jnd": "mine"}, "no jnd 'mine': choose from chou1995"),
        ({"jnd": 3}, "jnd of int"),
        ({"jnd": np.ones((5, 5))}, r"\(5, 5\): give H×W"),
        ({"jnd": np.zeros((64, 64))}, "0 everywhere"),
        ({"jnd": -FLAT}, "give finite thresholds"),
        ({"criterion": 3}, "give a callable"),
        ({"criterion": lambda out, rows: out[:, 0], "label": 1}, "leave it out"),
        ({"criterion": lambda out, rows: out.argmax(1)}, "int64: margins n or logits"),
        ({"criterion": lambda out, rows: out.sum()}, r"gives \(\) for 1 pictures"),
        ({"criterion": lambda out: out}, "TypeError"),
        ({"criterion": Dodging(np.ones((2, 7), np.float32), 1.0)}, "7 numbers each"),
        ({"criterion": Dodging([np.ones((2, 5), np.float32)] * 2, 1.0)}, "for 2 pictures, but 1"),
        ({"pictures": []}, "no pictures"),
        ({"pictures": [np.zeros((9, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)]}, "8×8, 8×9"),
        ({"pictures": torch.randn(3, 64, 64)}, "normalise inside the model"),
        ({"pictures": torch.full((3, 8, 8), torch.nan)}, "give 0…1"),
        ({"pictures": torch.zeros(1, 8, 8)}, "give 3×H×W or N×3×H×W"),
        ({"pictures": torch.zeros(3, 8, 8, dtype=torch.int64)}, "floats in 0…1 or uint8"),
        ({"pictures": np.zeros((64, 64, 3), np.float32)}, "give uint8"),
        ({"pictures": np.zeros((2, 2, 3), np.uint8), "jnd": FLAT[:2, :2]}, "RuntimeError"),
    ],
)
def test_wrong_arguments(choices, words, small, pictures):
    choices = {"model": small, "pictures": pictures[0], "jnd": FLAT} | choices
    with pytest.raises((UsageError, ImageError), match=words):
        attack(choices.pop("model"), choices.pop("pictures"), **choices)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"threshold": 0}, "give a distance above 0"),
        ({"threshold": 3, "metric": "cosine"}, "outside 0…2"),
        ({"metric": "manhattan"}, "choose from euclidean, cosine"),
        ({"temperature": 0}, "temperature 0"),
        ({"references": [[1.0, 2.0]]}, "references of list"),
        ({"references": []}, "no references"),
        ({"references": np.zeros((2, 5), np.float32)}, "zero everywhere"),
        ({"references": np.full((2, 5), np.nan, np.float32)}, "finite embeddings"),
        ({"references": [np.ones(5), np.ones(4)]}, "embeddings of one model"),
    ],
)
@pytest.mark.parametrize("kind", [Dodging, Impersonation])
def test_wrong_references(kind, choices, words):
    with pytest.raises(UsageError, match=words):
        kind(**({"references": np.ones((2, 5), np.float32), "threshold": 1.0} | choices))


WRONG = {
    "no gradient": (lambda small, x: small(x).detach(), "no gradient"),
    "rounded": (lambda small, x: small((255 * x).round() / 255), "gradient is 0 everywhere"),
    "not finite": (lambda small, x: small(x) / 0, "NaN or infinity"),
    "a slope of infinity": (lambda small, x: small(x) + (0 * x).sqrt().sum(), "not finite"),
    "too many": (lambda small, x: small(torch.cat([x, x])), r"gives \(2, 5\) for 1 pictures"),
    "a map": (lambda small, x: x, r"gives \(1, 3, 64, 64\)"),
    "one number": (lambda small, x: small(x)[:, :1], "K ≥ 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_model_that_looks_wrong_is_refused(name, small, pictures):
    model, words = WRONG[name]
    with pytest.raises(UsageError, match=words):
        attack(lambda x: model(small, x), pictures[0], method="pgd")


DOUBTFUL = {
    "probabilities": (lambda small, x: small(x).softmax(1), "probabilities"),
    "random": (lambda small, x: small(x) + torch.rand(5), "other outputs for the same input"),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_doubtful_model_is_noted(name, small, pictures):
    model, words = DOUBTFUL[name]
    with pytest.warns(UserWarning, match=words):
        result = attack(lambda x: model(small, x), pictures[0], method="pgd")
    assert any(words in note for note in result.notes)


def test_importing_the_room_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, engine.attack; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    assert set(engine.attack.__all__) <= set(dir(engine.attack))


def test_the_examples_of_the_readme_run(tmp_path, photos, monkeypatch):
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    for name, pixels in zip(("photo", "other"), photos.values(), strict=False):
        Image.fromarray(pixels).resize((SIDE, SIDE)).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(examples) >= 4
    names: dict = {}
    torch.manual_seed(0)
    for example in examples:
        exec(compile(example, README.name, "exec"), names)
    assert isinstance(names["result"], AttackResult)
    assert (tmp_path / "attacked.png").is_file()


def test_the_readme_names_every_option_and_method():
    import inspect

    text = README.read_text()
    for name in (*inspect.signature(attack).parameters, *NAMES):
        assert f"`{name}`" in text, name
