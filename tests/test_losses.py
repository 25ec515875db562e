"""The losses of paper A on numbers small enough to work out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from engine.networks import losses
from training.train.machine.predictions import Batch
from training.train.machine.steps.epoch import learning_rate
from training.train.machine.steps.objective import (
    Draws,
    contradict,
    moved,
    multiples,
    ramp,
    step_loss,
    strengths,
)
from training.train.presets import GENERATOR_PRESETS


def test_classification_loss_is_the_mean_cross_entropy_of_the_own_labels():
    logits = torch.zeros(2, 4, 10)
    labels = torch.randint(0, 10, (2, 4))
    assert losses.classification_loss(logits, labels).item() == pytest.approx(math.log(10))
    logits[0, 1, labels[0, 1]] = 100.0  # one of eight is certain
    expected = math.log(10) * 7 / 8
    assert losses.classification_loss(logits, labels).item() == pytest.approx(expected, rel=1e-5)


def test_magnitude_loss_is_zero_where_the_change_has_the_wanted_size():
    cam = torch.full((1, 1, 4, 4), 0.4)  # D_t = 0.6
    change = torch.full((1, 3, 4, 4), -0.6)
    assert losses.magnitude_loss(change, cam).item() == pytest.approx(0, abs=1e-6)
    change = torch.full((1, 3, 4, 4), 0.3)  # (0.36 + 0.09) / (2 · 0.6 · 0.3) = 1.25
    assert losses.magnitude_loss(change, cam).item() == pytest.approx(math.log(1.25), rel=1e-5)


def test_magnitude_loss_of_no_change_is_finite():
    change = torch.zeros(1, 3, 4, 4, requires_grad=True)
    loss = losses.magnitude_loss(change, torch.full((1, 1, 4, 4), 0.4))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(change.grad).all()


def test_spatial_loss_weighs_change_by_the_softmax_of_the_cam():
    cam = torch.tensor([[0.0, 1.0]]).view(1, 1, 1, 2)
    change = torch.zeros(1, 3, 1, 2)
    change[..., 1] = 0.5
    weight = math.e / (1 + math.e)
    assert losses.spatial_loss(change, cam).item() == pytest.approx(0.5 * weight, rel=1e-5)
    flat = losses.spatial_loss(torch.full((1, 3, 8, 8), 0.5), torch.rand(1, 1, 8, 8))
    assert flat.item() == pytest.approx(0.5, rel=1e-5)


def test_surviving_is_what_clipping_leaves():
    image = torch.tensor([0.9, -0.9, 0.0])
    change = torch.tensor([0.5, -0.5, 0.5])
    expected = torch.tensor([0.1, -0.1, 0.5])
    torch.testing.assert_close(losses.surviving(change, image), expected)


def test_strengths_are_one_or_ninths():
    split = torch.arange(4000) < 1000
    values = strengths(4000, 0.5, torch.Generator().manual_seed(0), split).flatten()
    weak = values[values < 1]
    assert 0.45 < len(weak) / len(values) < 0.55
    ninths = weak * 9
    torch.testing.assert_close(ninths, ninths.round())
    assert set(ninths.round().int().tolist()) == set(range(1, 9))
    faint = values[split & (values < 1)] * 9
    assert set(faint.round().int().tolist()) == {1, 2, 3}
    assert (strengths(100, 0.0, torch.Generator(), split[:100]) == 1).all()


def test_magnitude_loss_aims_at_the_strength_asked_for():
    cam = torch.full((2, 1, 4, 4), 0.4)  # D_t = 0.6
    change = torch.stack([torch.full((3, 4, 4), 0.3), torch.full((3, 4, 4), 0.9)])
    strength = torch.tensor([0.5, 1.5])
    assert losses.magnitude_loss(change, cam, strength).item() == pytest.approx(0, abs=1e-6)


def test_multiples_are_one_or_of_the_documented_range():
    values = multiples(4000, 0.4, torch.Generator().manual_seed(0))
    others = values[values != 1]
    assert 0.35 < len(others) / len(values) < 0.45
    assert 0.2 <= others.min() < 0.25
    assert 1.75 < others.max() <= 1.8


def test_a_contradiction_is_one_or_two_members_other_class():
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (500, 4), generator=random)
    allowed = torch.arange(500) % 2 == 0
    wanted = contradict(labels, allowed, 0.5, random)
    differ = wanted != labels
    assert not differ[~allowed].any()
    assert set(differ.sum(1).tolist()) <= {0, 1, 2}
    assert 0.2 < (differ.sum(1) == 1).float().mean() / differ.any(1).float().mean() < 0.8
    for row in torch.nonzero(differ.sum(1) == 2)[:, 0].tolist():
        assert len(set(wanted[row][differ[row]].tolist())) == 1
    assert 0.4 < differ[allowed].any(1).float().mean() < 0.6
    assert ((wanted >= 0) & (wanted < 10)).all()
    torch.testing.assert_close(contradict(labels, allowed, 0.0, random), labels)


def test_pictures_and_their_cams_are_moved_together():
    x = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    batch = Batch(x, torch.zeros(64, 4), torch.zeros(64, 4, 10), x[:, :1].repeat(1, 4, 1, 1))
    there = moved(batch, 2, torch.Generator().manual_seed(1))
    assert torch.equal(there.cams, there.x[:, :1].repeat(1, 4, 1, 1))
    near = [(row, column) for row in range(5) for column in range(5)]
    places = [  # where it was what the middle of each picture shows now
        next(
            p for p in near if torch.equal(after[:, 2:6, 2:6], before[:, p[0] :, p[1] :][:, :4, :4])
        )
        for before, after in zip(batch.x, there.x, strict=True)
    ]
    assert len(set(places)) > 15
    assert there.labels is batch.labels
    assert there.logits is batch.logits


def test_a_step_shows_the_generator_moved_pictures_where_a_preset_says_so():
    class Machines:
        names = ("one", "other")

        def logits(self, x, members):
            self.seen = x.detach()
            return torch.zeros(len(x), len(members), 10)

    class Generator:
        def __call__(self, x, cams, labels, strength, logits):
            self.seen, self.cams, self.labels = x, cams, labels
            return torch.full_like(x, 0.1)

    x = torch.rand(32, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(64).view(32, 2) % 10
    batch = Batch(x, labels, torch.zeros(32, 2, 10), x[:, :2])
    for reach in (0, 2):
        preset = replace(GENERATOR_PRESETS["smoke"], shifted=reach)
        machines, generator = Machines(), Generator()
        random = Draws(torch.Generator().manual_seed(1))
        step_loss(generator, machines, batch, preset, random)
        shown = (generator.seen + 1) / 2
        torch.testing.assert_close(generator.cams, shown[:, :2])
        assert torch.equal(generator.labels, labels)
        torch.testing.assert_close(machines.seen, (shown + 0.05).clamp(0, 1))
        assert (shown - x).abs().max().item() > 0.1 if reach else torch.allclose(shown, x)


def test_the_magnitude_rises_to_what_is_wanted():
    preset = GENERATOR_PRESETS["default"]
    rises = [ramp(preset, done / 100) for done in range(100)]
    assert rises[0] == pytest.approx(0.2)
    assert rises == sorted(rises)
    assert all(rise == 1 for rise in rises[25:])
    assert ramp(GENERATOR_PRESETS["paper"], 0.0) == 1


def test_a_step_asks_some_of_the_panel_each_as_often():
    draws = Draws(torch.Generator().manual_seed(0))
    asked = [draws.members(4, 2) for _ in range(600)]
    assert all(len(some) == 2 and some == sorted(set(some)) for some in asked)
    for member in range(4):
        assert 250 < sum(member in some for some in asked) < 350
    assert draws.members(4, None) == [0, 1, 2, 3]


def test_the_paper_preset_is_the_papers_schedule():
    paper = GENERATOR_PRESETS["paper"]
    assert (paper.epochs, paper.batch, paper.learning_rate) == (200, 50, 1e-5)
    assert (paper.weight_decay, paper.alpha, paper.beta) == (1e-3, 1, 1)
    assert not paper.decoupled
    assert not paper.conditioned
    assert not paper.skips
    assert paper.asked is None
    assert paper.wanted == 1
    assert learning_rate(paper, 199_999, 200_000) == 1e-5


def test_the_cosine_schedule_rises_and_ends_at_zero():
    preset = GENERATOR_PRESETS["default"]
    rates = [learning_rate(preset, step, 1000) for step in range(1001)]
    assert max(rates) == pytest.approx(preset.learning_rate)
    assert rates[0] < rates[20]
    assert rates[1000] == pytest.approx(0, abs=1e-12)
