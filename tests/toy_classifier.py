"""A small smooth classifier, pictures for it, and the problem of deceiving it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.attack.objective import to_levels
from engine.attack.problem import Problem


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
