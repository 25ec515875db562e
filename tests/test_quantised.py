"""Weights in 8 bits per output channel: exact where they can be, and never far off."""

from __future__ import annotations

import torch
from torch import nn

from engine.networks.photo import quantised


def test_whole_numbers_of_a_scale_come_back_exactly():
    torch.manual_seed(0)
    numbers = torch.randint(-127, 128, (5, 4, 3, 3))
    numbers.flatten(1)[:, 0] = 127  # the range is used to its end
    weight = quantised.restored(numbers.to(torch.int8), torch.tensor([1.0, 2, 0.5, 8, 0.25]))
    found, scales = quantised.quantise(weight)
    assert found.dtype == torch.int8
    torch.testing.assert_close(found.long(), numbers)
    torch.testing.assert_close(quantised.restored(found, scales), weight, rtol=1e-6, atol=0)


def test_the_error_is_at_most_that_of_the_plain_range():
    torch.manual_seed(0)
    weight = torch.randn(6, 300)
    weight[0] = 0
    weight[1, 0] = 40  # an outlier may be cut off where that is better for the others
    numbers, scales = quantised.quantise(weight)
    error = quantised.restored(numbers, scales) - weight
    step = weight.abs().amax(1, keepdim=True) / quantised.LARGEST
    plain = (weight / step.clamp_min(1e-12)).round() * step - weight
    assert (error.square().sum(1) <= plain.square().sum(1) + 1e-9).all()
    assert error[0].abs().max() == 0
    assert (error[2:].square().mean(1).sqrt() < 0.01).all()


def test_a_network_is_packed_saved_and_read_back(tmp_path):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 4))
    stored = quantised.pack(network, lambda name, weight: name.startswith("0."))
    assert {name: tensor.dtype for name, tensor in stored.items()} == {
        "0.weight": torch.int8,
        "0.weight.scale": torch.float32,
        "0.bias": torch.float16,
        "2.weight": torch.float16,
        "2.bias": torch.float16,
    }
    path = tmp_path / "folder" / "panel.safetensors"
    copied = {name: tensor.clone() for name, tensor in stored.items()}
    quantised.save(path, {"one": stored, "two": copied}, {"origin": "here"})
    for state in quantised.load(path).values():
        assert all(tensor.dtype == torch.float32 for tensor in state.values())
        torch.testing.assert_close(state["2.weight"], network[2].weight.half().float())
        torch.testing.assert_close(state["0.weight"], network[0].weight, rtol=0, atol=2e-3)
        network.load_state_dict(state)
    assert list(quantised.load(path)) == ["one", "two"]
