"""The attack's loop and its methods: against oracles, on toy models, at Z = X."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from engine.attack import objective
from engine.attack.loop import Search, last
from engine.attack.methods import METHODS, method, moves
from engine.attack.methods.colour import colour_distance, difference
from engine.attack.methods.losses import ce
from engine.attack.methods.ours import ROUNDS
from engine.attack.objective import to_levels
from engine.attack.observers import PanelObserver
from engine.attack.problem import Active, Earlier, Method, Problem
from engine.attack.transforms import half, jpeg
from engine.attack.tuning import Bisect, Knobs, Lower, Once

EPSILON, STEPS, RATE = 8 / 255, 7, 0.25


class Toy(nn.Module):
    """A small smooth classifier of 16×16 pictures, 5 classes."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2)
        self.second = nn.Linear(8 * 7 * 7, 5)

    def forward(self, x):
        return self.second(torch.tanh(self.first(8 * x - 4)).flatten(1))


@pytest.fixture(scope="module")
def toy():
    torch.manual_seed(1)
    return Toy().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return to_levels(torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(2)))


def watch(model):
    def observer(z, rows, distort):
        return model(distort(z) if distort is not None else z)[:, None]

    return observer


def problem_on(toy, pictures, targeted=False, **changes) -> Problem:
    labels = toy(pictures).argmax(1, keepdim=True)
    if targeted:
        labels = (labels + 1) % 5
    threshold = 0.01 + 0.03 * pictures.mean(1, keepdim=True).expand_as(pictures)
    return Problem(pictures, threshold, watch(toy), labels, targeted, **changes)


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


LOSSES = {
    "adversarial": lambda z, x, j, a: objective.adversarial_loss(a.logits, a.labels, False),
    "targeted": lambda z, x, j, a: objective.adversarial_loss(a.logits, a.labels, True),
    "perceptual": lambda z, x, j, a: objective.perceptual_loss(z, x, j, objective.Weights()),
    "no gate": lambda z, x, j, a: objective.perceptual_loss(z, x, j, objective.Weights(gate=False)),
    "similarity": lambda z, x, j, a: objective.similarity(z, x),
    "total variation": lambda z, x, j, a: objective.total_variation(z - x),
    "colour": lambda z, x, j, a: colour_distance(z, x),
}


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("flat", [False, True])
def test_the_gradient_is_finite_where_nothing_is_changed(name, flat, toy, pictures):
    x = torch.full_like(pictures, 128 / 255) if flat else pictures
    z = x.clone().requires_grad_()
    problem = problem_on(toy, pictures)
    active = Active(problem, torch.arange(4), x, problem.threshold, problem.labels, z, None, None)
    active.logits = toy(z)[:, None]
    loss = LOSSES[name](z, x, problem.threshold, active)
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    assert loss.shape == (4,)
    assert torch.isfinite(gradient).all()


def test_the_adversarial_loss_is_eq_1():
    logits = torch.tensor([[[2.0, 1.0, -1.0]]])
    p = logits.softmax(2)[0, 0]
    labels = torch.tensor([[0]])
    assert objective.adversarial_loss(logits, labels, True).item() == pytest.approx(
        -p[0].log().item(), abs=1e-6
    )
    assert objective.adversarial_loss(logits, labels, False).item() == pytest.approx(
        -(1 - p[0]).log().item(), abs=1e-6
    )
    sure = torch.tensor([[[200.0, 0.0, 0.0]]], requires_grad=True)  # 1 - p rounds to zero
    loss = objective.adversarial_loss(sure, labels, False)
    loss.backward()
    assert torch.isfinite(sure.grad).all()
    assert sure.grad[0, 0, 0] > 0.99


def test_the_perceptual_loss_is_eqs_2_to_7():
    x = torch.zeros(1, 3, 8, 8)
    z, j = x.clone(), torch.full_like(x, 0.1)
    z[0, :, 3, 3] = torch.tensor([0.3, 0.2, 0.05])
    over = torch.tensor([3 * 0.2, 5 * 0.1, 0.0])
    seen = objective.beyond(z, x, j, objective.Weights())
    torch.testing.assert_close(seen[0, :, 3, 3], over)
    assert seen.sum() == pytest.approx(over.sum().item())
    only = objective.Weights(1, 0, 0)
    loss = objective.perceptual_loss(z, x, j, only)
    assert loss.item() == pytest.approx(over.sum().item() / 192)
    only = objective.Weights(0, 1, 0)
    loss = objective.perceptual_loss(z, x, j, only)
    assert loss.item() == pytest.approx(over.square().sum().item() / 192)
    free = objective.perceptual_loss(x + 0.05, x, j, objective.Weights())
    assert free.item() == pytest.approx(0, abs=1e-7)  # what stays below J costs nothing


def test_a_reversed_gradient_costs_what_eq_6_says():
    ramp = (0.1 * torch.arange(8.0)).expand(1, 3, 8, 8)
    # Inside, Sobel is -.8 for the ramp and .8 for its mirror image, half of that at the border.
    expected = (6 * 1.6 + 2 * 0.8) / 8 / 2  # mean over columns; nothing changes vertically
    flat = torch.full_like(ramp, 0.2)
    found = objective.gradient_difference(ramp.flip(3), ramp, flat, objective.Weights())
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_metrics_of_the_loop_are_scikit_images(photos):
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import structural_similarity

    x = photos["astronaut"][40:140, 180:280].astype(np.float64) / 255
    noise = np.random.default_rng(0).normal(0, 0.03, x.shape)
    z = np.clip(x + noise, 0, 1)
    a, b = (torch.from_numpy(t.transpose(2, 0, 1)[None].copy()) for t in (z, x))
    wanted = structural_similarity(
        z,
        x,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
    )
    assert objective.similarity(a, b).item() == pytest.approx(wanted, abs=1e-3)
    wanted = deltaE_ciede2000(rgb2lab(x), rgb2lab(z))
    np.testing.assert_allclose(difference(b, a)[0].numpy(), wanted, atol=0.02)


def test_the_soft_jpeg_is_pillows(photos):
    from engine.cloak.verdict import reencode, smaller

    pixels = np.ascontiguousarray(photos["astronaut"][32:288, 160:416])
    x = (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255).requires_grad_()
    ours = jpeg(75)(x)
    error = ours.detach()[0].permute(1, 2, 0).numpy() * 255 - reencode(pixels, 75)
    assert np.abs(error).mean() < 1.0
    ours.square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
    error = half(x.detach())[0].permute(1, 2, 0).numpy() * 255 - smaller(pixels)
    assert np.abs(error).mean() < 1.0


def test_the_smallest_knob_is_found_by_bisection():
    tuning = Bisect(first=2.0, rounds=20, precise=1.01, limit=100)
    knobs = Knobs(tuning, 3, torch.device("cpu"))
    needed = torch.tensor([0.3, 7.0, 1000.0])
    for _ in range(tuning.rounds):
        if not knobs.open.any():
            break
        knobs.update(knobs.knob >= needed)
    torch.testing.assert_close(knobs.high[:2], needed[:2], rtol=0.02, atol=0)
    assert knobs.high[2].isinf()
    whole = Bisect(first=2.0, rounds=20, unit=1.0)
    knobs = Knobs(whole, 2, torch.device("cpu"))
    for _ in range(whole.rounds):
        if not knobs.open.any():
            break
        knobs.update(knobs.knob >= needed[:2])
    assert knobs.high.tolist() == [1.0, 7.0]


def test_what_failed_on_an_easier_problem_is_not_tried_again():
    tuning = Bisect(first=2.0, rounds=8, unit=1.0)
    knobs = Knobs(tuning, 2, torch.device("cpu"))
    knobs.after(torch.tensor([5.0, 3.0]), torch.tensor([4.0, 2.0]))
    needed, tried = torch.tensor([5.0, 4.0]), []
    while knobs.open.any():
        tried.append(torch.where(knobs.open, knobs.knob, torch.nan).tolist())
        knobs.update(knobs.knob >= needed)
    assert knobs.high.tolist() == [5.0, 4.0]
    assert [pair[0] for pair in tried][:1] == [5.0]
    assert all(not pair[0] < 5 and not pair[1] < 3 for pair in tried)


def test_a_harder_problem_begins_where_the_easier_one_ended(toy, pictures):
    easy = Search(problem_on(toy, pictures), method("pgd", False))
    last(easy.steps())
    earlier = Earlier(easy.best, easy.knob, easy.knobs.low)
    hard = Search(problem_on(toy, pictures, margin=0.05), method("pgd", False), earlier=earlier)
    assert last(hard.steps()).found.all()
    assert (hard.knob >= easy.knob).all()
    assert hard.gradients.sum() < easy.gradients.sum()
    ours = method("ours", False)
    search = Search(problem_on(toy, pictures, margin=0.05), ours, earlier=earlier)
    assert last(search.steps()).found.all()
    assert (search.gradients == (ours.again or ours.steps) + ROUNDS).all()  # the polish's as well


@pytest.mark.parametrize("first", [30.0, 1500.0])
def test_the_papers_schedule_finds_the_first_that_succeeds(first):
    by = first / 30
    tuning = Lower(first=first, by=by)
    needed = torch.tensor([2000.0, 28.5 * by, 17 * by, 3.2 * by, 0.0, -1.0])  # the largest that do
    tried = []
    knobs = tuning.begin(6, torch.device("cpu"))
    for _ in range(tuning.rounds):
        tried.append(torch.where(knobs.open, knobs.knob, torch.nan))
        knobs.update(knobs.knob <= needed)
    assert not knobs.open.any()
    torch.testing.assert_close(knobs.low, torch.tensor([30.0, 28, 17, 3, 0, -1]) * by)
    tried = torch.stack(tried)
    assert (~tried.isnan()).sum(0)[0] == 1  # success at once ends it
    assert (~tried.isnan()).sum(0).max() <= 7  # instead of 31
    again = tuning.begin(2, torch.device("cpu"))
    again.after(torch.tensor([28 * by, 0.0]), torch.zeros(2))
    again.update(torch.tensor([True, False]))
    assert not again.open.any()


def test_ce_is_what_the_family_descends(toy, pictures):
    problem = problem_on(toy, pictures)
    active = Active(problem, torch.arange(4), pictures, None, problem.labels, pictures, None, None)
    active.logits = toy(pictures)[:, None]
    wanted = -nn.functional.cross_entropy(toy(pictures), problem.labels[:, 0], reduction="none")
    torch.testing.assert_close(ce(active), wanted)
