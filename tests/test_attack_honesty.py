"""No success is claimed that the model does not confirm; a model that looks wrong is refused."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
import untrained_models as models
from torch import nn
from untrained_models import check, outputs

from engine.attack import attack
from engine.attack.methods import method
from engine.errors import UsageError
from engine.images.picture import to_batch

one_thread, pictures = models.one_thread, models.pictures
network, small = models.network, models.small


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
