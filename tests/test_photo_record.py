"""The photo generator that is kept, and the record of how it was trained."""

from __future__ import annotations

import torch

from engine.models.locate import locate
from engine.networks.photo.efficientnet import WIDTH
from training.records.record import RESULTS, read_json, thinned
from training.records.shipped import trained_with
from training.train.photo.loop import load_generator
from training.train.photo.record import KEPT

GRAPH = locate("generator-conditioned-photos").path


def test_the_kept_generator_loads_and_draws():
    network, note = load_generator(GRAPH)
    assert network.members == 3
    assert note["steps"] == 1171
    torch.manual_seed(0)
    x, evidence = torch.rand(1, 3, 40, 50), 0.01 * torch.randn(1, 3, WIDTH, 2, 2)
    confidence, strength, keep = torch.full((1, 3), 0.6), torch.ones(1), torch.zeros(1)
    with torch.no_grad():
        usual = network(2 * x - 1, evidence, confidence, strength, keep).abs().mean()
        weak = network(2 * x - 1, evidence, confidence, 0.4 * strength, keep).abs().mean()
    assert 0.05 < usual < 1
    assert weak < 0.8 * usual


def test_the_record_is_of_the_generator_that_is_kept():
    digest = trained_with(None, "generator-conditioned-photos")["checkpoint"]["sha256"]
    assert read_json(RESULTS / "photo_generator.json")["weights"][KEPT.name] == digest


def test_a_history_is_thinned_to_its_ends():
    rows = [{"step": n} for n in range(61)]
    found = [row["step"] for row in thinned(rows, 7)]
    assert found == [0, 10, 20, 30, 40, 50, 60]
    assert thinned(rows[:5], 7) == rows[:5]
