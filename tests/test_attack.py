"""The attack's loop and its methods: against oracles, on toy models, at Z = X."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import toy_classifier
from torch import nn
from toy_classifier import problem_on

from engine.attack import objective
from engine.attack.loop import Search, last
from engine.attack.methods import METHODS, method, moves
from engine.attack.observers import PanelObserver
from engine.attack.problem import Method, Problem
from engine.attack.tuning import Lower, Once

toy, pictures = toy_classifier.toy, toy_classifier.pictures
EPSILON, STEPS, RATE = 8 / 255, 7, 0.25


def as_published(name: str, targeted: bool) -> Method:
    """A fixed-ε row at one ε, on unrounded pixels, no early stop: the textbook's loop."""
    once = Once(first=EPSILON)
    return method(name, targeted, tuning=once, steps=STEPS, rounded=False, eager=False)


def end_of(search: Search) -> torch.Tensor:
    """Where the only round ended, unrounded."""
    ended = []
    finish = search.finish
    search.finish = lambda active, succeeded: (
        ended.append(active.z.clone()),
        finish(active, succeeded),
    )
    last(search.steps())
    return ended[0]


FOOLBOX = {
    "bim": ("LinfBasicIterativeAttack", {"random_start": False}),
    "pgd": ("LinfProjectedGradientDescentAttack", {"random_start": True}),
}


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("name", list(FOOLBOX))
def test_it_is_foolboxs(name, targeted, toy, pictures):
    foolbox = pytest.importorskip("foolbox", reason="the oracle is not installed")
    kind, choices = FOOLBOX[name]
    attack = getattr(foolbox.attacks, kind)(rel_stepsize=RATE, steps=STEPS, **choices)
    problem = problem_on(toy, pictures, targeted)
    labels = problem.labels[:, 0]
    criterion = foolbox.criteria.Misclassification(labels)
    if targeted:
        criterion = foolbox.criteria.TargetedMisclassification(labels)
    torch.manual_seed(0)
    model = foolbox.PyTorchModel(toy, bounds=(0, 1), device="cpu")
    wanted = attack.run(model, pictures, criterion, epsilon=EPSILON)
    found = end_of(Search(problem, as_published(name, targeted), seed=0))
    assert (wanted - pictures).abs().max() > 0.9 * EPSILON
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


TORCHATTACKS = {
    "bim": ("BIM", {}),
    "pgd": ("PGD", {"random_start": True}),
    "mi-fgsm": ("MIFGSM", {"decay": 1.0}),
    "di2-fgsm": ("DIFGSM", {"decay": 0.0, "resize_rate": 0.5, "diversity_prob": 0.5}),
}


@pytest.mark.parametrize("name", list(TORCHATTACKS))
def test_it_is_torchattackss(name, toy, pictures):
    torchattacks = pytest.importorskip("torchattacks", reason="the oracle is not installed")
    kind, choices = TORCHATTACKS[name]
    attack = getattr(torchattacks, kind)(
        toy, eps=EPSILON, alpha=RATE * EPSILON, steps=STEPS, **choices
    )
    row = as_published(name, False)
    if name == "di2-fgsm":
        row = replace(row, distort=lambda x, noise: moves.diverse(x, noise, 0.5, 0.5))
    problem = problem_on(toy, pictures)
    torch.manual_seed(0)
    wanted = attack(pictures, problem.labels[:, 0])
    found = end_of(Search(problem, row, seed=0))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_momentum_is_a_plain_loop(toy, pictures):
    """MI-FGSM as its paper writes it (Dong et al. 2018, Alg. 1), for where no oracle has it."""
    problem = problem_on(toy, pictures)
    z, momentum = pictures.clone(), torch.zeros_like(pictures)
    for _ in range(STEPS):
        z.requires_grad_()
        loss = nn.functional.cross_entropy(toy(z), problem.labels[:, 0], reduction="sum")
        (gradient,) = torch.autograd.grad(loss, z)
        momentum = momentum + gradient / gradient.abs().sum((1, 2, 3), keepdim=True)
        z = (z + RATE * EPSILON * momentum.sign()).detach()
        z = torch.clamp(torch.clamp(z, pictures - EPSILON, pictures + EPSILON), 0, 1)
    found = end_of(Search(problem, as_published("mi-fgsm", False)))
    torch.testing.assert_close(found, z, rtol=0, atol=1e-6)


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_keeps_its_word(name, targeted, toy, pictures):
    problem = problem_on(toy, pictures, targeted)
    row = method(name, targeted)
    if isinstance(row.tuning, Lower):  # thirty steps of β on faces, three here
        row = replace(row, tuning=Lower(first=30.0, by=10.0))
    search = Search(problem, row, seed=3)
    steps = list(search.steps())
    end = steps[-1]
    assert end.found.float().mean() >= (0.5 if name in ("fgsm", "fgv") else 1)
    levels = end.best * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-3)
    assert end.best.min() >= 0
    assert end.best.max() <= 1
    rows = torch.arange(4)
    with torch.no_grad():
        ahead = objective.lead(problem.observer(end.best, rows, None), problem.labels, targeted)
    assert (ahead.amin(1)[end.found] > 0).all()
    assert torch.equal(end.best[~end.found], pictures[~end.found])
    for one, two in pairwise(steps):
        assert (two.size <= one.size).all()
    assert not torch.isnan(search.best).any()


def test_pictures_that_are_done_drop_out(toy, pictures):
    problem = problem_on(toy, pictures)
    steps = list(Search(problem, method("bim", False)).steps())
    counts = torch.stack([step.gradients for step in steps])
    assert len(set(counts[-1].tolist())) > 1  # each has had its own number of looks
    assert any(0 < step.active < 4 for step in steps)


def test_the_same_seed_gives_the_same_picture(toy, pictures):
    problem = problem_on(toy, pictures)
    one, two = (last(Search(problem, method("pgd", False), seed=5).steps()) for _ in range(2))
    assert torch.equal(one.best, two.best)


def test_it_stops_when_late_or_cancelled(toy, pictures):
    problem = problem_on(toy, pictures)
    assert len(list(Search(problem, method("cw", False)).steps(max_seconds=0))) <= 2
    assert len(list(Search(problem, method("cw", False)).steps(cancelled=lambda: True))) <= 2


def test_a_margin_is_kept(toy, pictures):
    problem = problem_on(toy, pictures, margin=0.5)
    end = last(Search(problem, method("ours", False)).steps())
    ahead = objective.lead(toy(end.best)[:, None], problem.labels, False)
    assert end.found.all()
    assert (ahead > 0.5).all()


def test_ours_is_no_larger_than_the_fixed_ones(toy, pictures):
    problem = problem_on(toy, pictures)
    power = {}
    for name in ("ours", "pgd", "fgsm"):
        end = last(Search(problem, method(name, False)).steps())
        power[name] = (end.best - pictures).square().sum((1, 2, 3))[end.found].mean()
    assert power["ours"] < power["pgd"]
    assert power["ours"] < power["fgsm"]


def test_the_loop_attacks_a_panel_of_classifiers(crops):
    from engine.images.picture import to_batch
    from engine.networks.stored import stored_panel

    panel, _ = stored_panel()
    clean = torch.from_numpy(to_batch(crops[:3]))
    labels = panel.logits(clean).argmax(2)
    threshold = torch.full_like(clean, 4 / 255)
    problem = Problem(clean, threshold, PanelObserver(panel), labels, targeted=False)
    end = last(Search(problem, method("ours", False, steps=15)).steps())
    assert end.found.all()
    assert (panel.logits(end.best).argmax(2) != labels).all()  # all four are deceived
    assert ((end.best - clean).abs().amax((1, 2, 3)) < 0.2).all()
