"""`engine.attack.attack` on models of others: untrained torchvision networks and small ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import untrained_models as models
from PIL import Image
from torch import nn
from untrained_models import FLAT, check, outputs, seconds

from engine.attack import Dodging, Impersonation, attack
from engine.attack.library.arguments import NAMES
from engine.attack.library.model import ModelObserver
from engine.attack.loop import Search, last
from engine.attack.methods import BUDGETED, METHODS, READS_JND, method
from engine.attack.problem import Problem
from engine.errors import UsageError
from engine.images.picture import to_batch

one_thread, pictures = models.one_thread, models.pictures
network, small = models.network, models.small


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


@pytest.mark.parametrize("epsilon", [2, 6])
@pytest.mark.parametrize("name", [name for name in BUDGETED if name != "fgv"])
def test_a_budget_is_kept(name, epsilon, network, pictures):
    result = attack(network, pictures[0], method=name, epsilon=epsilon, jnd=FLAT)
    check(result, pictures[0])
    assert 0 < result.largest_change <= epsilon


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
