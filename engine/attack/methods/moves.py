"""The parts of methods: starts, directions, steps and projections.

Each takes an `Active` (n pictures, their gradient, their memory) and gives float32 n×3×H×W.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..objective import norm
from ..problem import Active

Direction = Callable[[Active], Tensor]


def uniform_start(active: Active) -> Tensor:
    """X plus uniform noise in the ε ball (PGD)."""
    noise = torch.rand(active.x.shape, generator=active.noise, device=active.x.device)
    return active.x + active.knob * (2 * noise - 1)


def sign(active: Active) -> Tensor:
    return active.gradient.sign()


def momentum_sign(active: Active, decay: float = 1.0) -> Tensor:
    """Sign of μ times the last one plus the L1-normalised gradient (MI-FGSM, eq. 6)."""
    scale = active.gradient.abs().mean((1, 2, 3), keepdim=True)
    memory = active.memory.get("momentum", torch.zeros_like(active.x))
    active.memory["momentum"] = decay * memory + active.gradient / scale
    return active.memory["momentum"].sign()


def scaled_value(active: Active) -> Tensor:
    """The gradient itself, its largest entry scaled to one (FGV)."""
    return active.gradient / active.gradient.abs().amax((1, 2, 3), keepdim=True)


def jnd_sign(active: Active) -> Tensor:
    """Sign times J, the picture's largest J scaled to one (AdvJND)."""
    return active.gradient.sign() * active.j / active.j.amax((1, 2, 3), keepdim=True)


def within(active: Active, z: Tensor) -> Tensor:
    """z moved into the ε ball of the maximum norm around X."""
    return torch.minimum(torch.maximum(z, active.x - active.knob), active.x + active.knob)


def bounded(direction: Direction, rate: float) -> Callable[[Active], Tensor]:
    """A step of rate·ε against the direction, then into the ε ball: the FGSM family."""

    def advance(active: Active) -> Tensor:
        return within(active, active.z - rate * active.knob * direction(active))

    return advance


def downhill(active: Active, length: Tensor | float) -> Tensor:
    """z after a step of that Euclidean length, one or n×1×1×1, down the gradient."""
    return active.z - length * active.gradient / norm(active.gradient)


def steepest(rate: float) -> Callable[[Active], Tensor]:
    """A step of Euclidean length `rate` down the gradient, falling to a tenth by a cosine."""
    return lambda active: downhill(active, cosine(rate, rate / 10, active.done))


def adam(rate: float, decay: float = 0.0) -> Callable[[Active], Tensor]:
    """Adam on the pixels, rate in units of 0…1, falling to `decay` times that by a cosine."""

    def advance(active: Active) -> Tensor:
        low = decay if decay else 1.0
        now = rate * (low + (1 - low) * (1 + math.cos(math.pi * active.done)) / 2)
        return active.z - now * moment_step(active, active.gradient)

    return advance


def moment_step(active: Active, gradient: Tensor) -> Tensor:
    """Adam's direction, β1 = 0.9, β2 = 0.999, bias corrected."""
    memory = active.memory
    first = memory.get("first", torch.zeros_like(gradient))
    second = memory.get("second", torch.zeros_like(gradient))
    age = memory.get("age", gradient.new_zeros(len(gradient))) + 1
    memory["first"] = first + 0.1 * (gradient - first)
    memory["second"] = second + 0.001 * (gradient.square() - second)
    memory["age"] = age
    age = age.view(-1, 1, 1, 1)
    root = (memory["second"] / (1 - 0.999**age)).sqrt() + 1e-8
    return memory["first"] / (1 - 0.9**age) / root


def tanh_adam(rate: float) -> Callable[[Active], Tensor]:
    """Adam on w, where z = (tanh w + 1) / 2 (Carlini and Wagner 2017, §V-B)."""

    def advance(active: Active) -> Tensor:
        if "w" not in active.memory:
            active.memory["w"] = torch.atanh((2 * active.z - 1) * 0.999999)
        w = active.memory["w"]
        inner = active.gradient * (1 - torch.tanh(w).square()) / 2
        active.memory["w"] = w - rate * moment_step(active, inner)
        return (torch.tanh(active.memory["w"]) + 1) / 2

    return advance


def cosine(start: float, stop: float, done: float) -> float:
    """From start to stop as the round goes on."""
    return stop + (start - stop) * (1 + math.cos(math.pi * done)) / 2


def shape(j: Tensor, power: float) -> Tensor:
    """J^power, its root mean square one per picture: the metric's unit; 1 for power 0."""
    if power == 0:
        return torch.ones_like(j)
    scale = (j + 1 / 255) ** power
    return scale / scale.square().mean((1, 2, 3), keepdim=True).sqrt()


def ddn(
    rate: float = 1.0,
    growth: float = 0.05,
    settled: float = 0.05,
    first: float = 1.0,
    power: float = 0.0,
) -> Callable[[Active], Tensor]:
    """Decoupled direction and norm (Rony et al. 2019, Alg. 1), in the metric |P / J^power|.

    The radius shrinks by `growth` where the picture succeeds, else grows; the step falls from
    rate to a hundredth of it by a cosine, `growth` to `settled`. The defaults are the paper's.
    Begins with the radius `first`, or where a change is there already, with its size.
    """

    def advance(active: Active) -> Tensor:
        unit = shape(active.j, power)
        change = (active.z - active.x) / unit
        inner = active.gradient * unit
        begun = norm(change)
        radius = active.memory.get("radius", torch.where(begun > 1e-3, begun, first))
        change = change - cosine(rate, 0.01 * rate, active.done) * inner / norm(inner)
        success = active.success.view(-1, 1, 1, 1)
        gamma = cosine(growth, settled, active.done)
        radius = torch.where(success, radius * (1 - gamma), radius * (1 + gamma))
        active.memory["radius"] = radius
        z = active.x + unit * radius * change / norm(change)
        return z

    return advance


def fmn(rate: float = 1.0, growth: float = 0.05, power: float = 0.0) -> Callable[[Active], Tensor]:
    """Fast minimum norm, L2 (Pintor et al. 2021, Alg. 1), in the metric |P / J^power|.

    Before the first success the radius is the linear estimate of the distance to the border;
    then it shrinks from the smallest successful norm, or grows. Needs memory["gap"]: what the
    lead is short of the margin.
    """

    def advance(active: Active) -> Tensor:
        unit = shape(active.j, power)
        change = (active.z - active.x) / unit
        inner = active.gradient * unit
        size, slope = norm(change), norm(inner)
        memory = active.memory
        gamma = cosine(growth, 0.001, active.done)
        fresh = torch.full_like(size, float("inf"))
        radius, best = memory.get("radius", fresh), memory.get("best", fresh)
        success = active.success.view(-1, 1, 1, 1)
        best = torch.where(success, torch.minimum(best, size), best)
        ever = best.isfinite()
        estimate = size + memory["gap"].view(-1, 1, 1, 1).abs() / slope
        smaller = torch.minimum(torch.minimum(radius, best) * (1 - gamma), best)
        radius = torch.where(success, smaller, torch.where(ever, radius * (1 + gamma), estimate))
        memory["radius"], memory["best"] = radius, best
        change = change - cosine(rate, 0.01 * rate, active.done) * inner / slope
        return active.x + unit * change * (radius / norm(change)).clamp(max=1)

    return advance


def alternate(adversarial: float, colour: float) -> Callable[[Active], Tensor]:
    """PerC-AL's step: unit gradient times a rate that depends on whether the picture succeeds."""

    def advance(active: Active) -> Tensor:
        attack = cosine(adversarial, adversarial / 100, active.done)
        shrink = cosine(colour, colour / 10, active.done)
        return downhill(active, torch.where(active.success, shrink, attack).view(-1, 1, 1, 1))

    return advance


def diverse(x: Tensor, noise: torch.Generator, chance: float = 0.5, low: float = 0.9) -> Tensor:
    """Random resize and zero padding (DI²-FGSM), one draw for the batch; H×W stays."""
    if x.shape[2] != x.shape[3]:
        side = max(x.shape[2:])
        padded = F.pad(x, (0, side - x.shape[3], 0, side - x.shape[2]))
        return diverse(padded, noise, chance, low)[:, :, : x.shape[2], : x.shape[3]]
    full = x.shape[3]

    def draw(first: int, stop: int) -> int:
        high = max(stop, first + 1)
        return int(torch.randint(first, high, (1,), generator=noise, device=noise.device))

    side = draw(int(full * low), full)
    rest = full - side
    top, left = draw(0, rest), draw(0, rest)
    small = F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
    padded = F.pad(small, (left, rest - left, top, rest - top))
    drawn = torch.rand(1, generator=noise, device=noise.device)
    return padded if float(drawn) < chance else x
