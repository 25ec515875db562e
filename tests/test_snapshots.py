"""Stages of a training: which epochs, and a change kept as a small picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.networks.generator import Generator
from engine.networks.stored import stored_panel
from training.train.machine.snapshots import jnd_maps, read_map, samples, stages


@pytest.mark.parametrize(
    ("epochs", "expected"), [(1, [1]), (2, [1, 2]), (12, [1, 2, 5, 12]), (200, [1, 6, 34, 200])]
)
def test_the_first_the_last_and_two_between(epochs, expected):
    assert stages(epochs) == expected


def test_a_change_comes_back_as_it_was_kept():
    torch.manual_seed(0)
    generator = Generator().eval()
    with torch.no_grad():
        generator.output.bias.copy_(torch.tensor([0.0, 10.0, -10.0]))
        generator.output.weight.zero_()
    maps = jnd_maps(generator, stored_panel()[0])
    assert list(maps) == list(samples())
    for text in maps.values():
        change = read_map(text)
        assert change.shape == (32, 32, 3)
        expected = np.broadcast_to(np.array([0.0, 0.5, -0.5]), change.shape)
        np.testing.assert_allclose(change, expected, atol=1 / 254)
