"""The smallest visible change of a large face that fools the recogniser in all its views.

A minimum-norm search (decoupled direction and norm, Rony et al. 2019, Alg. 1) in the coefficients
of `eye.Eye`: a norm there is visibility in units of the eye's thresholds. Needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .eye import Eye

GROWTH, SETTLED = 0.25, 0.01  # of the radius in a step, at first and at last
RATE = 1.0  # of the radius, the first step; the last is a hundredth of it
STEEPNESS = 80.0  # of the loss, per unit of distance


@dataclass
class Found:
    """size: of the smallest change that succeeded, in thresholds, inf where none did;
    coefficients: its; reach: the largest lead seen, and nearest the change that had it; gradients:
    how many were computed.
    """

    size: float = float("inf")
    coefficients: list[Tensor] = field(default_factory=list)
    reach: float = float("-inf")
    nearest: list[Tensor] = field(default_factory=list)
    gradients: int = 0


def size(coefficients: list[Tensor]) -> float:
    """Euclidean norm over all bands."""
    return math.sqrt(sum(float(each.detach().square().sum()) for each in coefficients))


def scaled(coefficients: list[Tensor], factor: float) -> list[Tensor]:
    return [each.detach() * factor for each in coefficients]


def falling(start: float, stop: float, done: float) -> float:
    """From start to stop by a cosine, as `done` goes from 0 to 1."""
    return stop + (start - stop) * (1 + math.cos(math.pi * done)) / 2


def search(
    eye: Eye,
    leads: Callable[[Tensor], Tensor],
    steps: int,
    begin: list[Tensor] | None = None,
) -> Iterator[Found]:
    """Yields the same `Found` after every step.

    leads: a change of the canvas -> by how much distance each view is beyond its goal, V;
    begin: coefficients to begin with, None for none.
    """
    found = Found()
    coefficients = eye.none() if begin is None else scaled(begin, 1.0)
    radius = None if begin is None else size(begin)
    for step in range(steps):
        point = [each.detach().requires_grad_() for each in coefficients]
        with torch.enable_grad():
            ahead = leads(eye.change(point))
            least = float(ahead.detach().amin())
            loss = torch.nn.functional.softplus(-STEEPNESS * ahead).mean() / STEEPNESS
            slopes = torch.autograd.grad(loss, point)
        found.gradients += len(ahead)
        now = size(point)
        if least > 0 and now < found.size:
            found.size, found.coefficients = now, scaled(point, 1.0)
        if least > found.reach:
            found.reach, found.nearest = least, scaled(point, 1.0)
        steepness = size(slopes)
        if steepness == 0:
            return
        done = step / steps
        change = falling(GROWTH, SETTLED, done)
        if radius is None:
            radius = abs(least) / steepness  # the linear estimate of the way
        else:
            radius *= 1 - change if least > 0 else 1 + change
        length = falling(RATE, RATE / 100, done) * radius / steepness
        moved = [each.detach() - length * slope for each, slope in zip(point, slopes, strict=True)]
        coefficients = scaled(moved, radius / size(moved))
        yield found
