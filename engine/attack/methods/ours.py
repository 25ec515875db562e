"""Our method: the smallest change in a metric between PSNR's and the eye's, on whole levels.

A minimum-norm search (the step of DDN, in the metric |P / J^p|), whose gradient is taken at the
picture rounded to 8 bits, then a polish on the integer grid: the pixels whose change contributes
least are set back as long as the model stays fooled. Where the file can be judged, the same
once more, as long as the verdict holds: no margin is left. Two settings: `ours` is as small as the
smallest and less visible, `ours-jnd` is larger and the least visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from ..objective import LEVELS, lead, to_levels
from ..problem import Active, Method, Problem
from . import moves

POWER = 0.15  # p: 0 is plain L2, 1 counts every change in units of the eye's threshold
BY_EYE = 1.0  # p of the variant that minimises visibility alone
ROUNDS = 3  # of the polish, each with one gradient and a bisection
SHAVES = 1  # rounds of the same by the verdict on the file
HALVINGS = 5
NEAR, FAR = (20, 10), (50, 20)  # steps, and steps of later attempts, by how far there is to go


def shortfall(active: Active) -> Tensor:
    """Softplus of what the lead is short of the margin, mean over views, n.

    Views far beyond the margin contribute nothing.
    """
    problem = active.problem
    ahead = lead(active.logits, active.labels, problem.targeted) - problem.margin
    return torch.nn.functional.softplus(-4 * ahead).mean(1)


def size(z: Tensor, x: Tensor, j: Tensor, power: float) -> Tensor:
    """Sum of (P / J^p)², the unit's mean power being one, n."""
    return ((z - x) / moves.shape(j, power)).square().sum((1, 2, 3))


def polish(
    problem: Problem,
    rows: Tensor,
    z: Tensor,
    holds: Callable[[Tensor], Tensor] | None = None,
    rounds: int = ROUNDS,
    power: float = POWER,
) -> Iterator[Tensor]:
    """Pictures n×3×H×W that succeed, on whole levels -> ever smaller changes that succeed.

    To first order a pixel's share in the lead is its gradient times its change; the pixels are
    moved one level back in order of that share per cost, as many as a bisection allows.
    holds: whether pictures still succeed, bool n; by default by the model.
    """
    x, j, labels = problem.clean[rows], problem.threshold[rows], problem.labels[rows]

    @torch.no_grad()
    def deceived(candidate: Tensor) -> Tensor:
        ahead = lead(problem.observer(candidate, rows, None), labels, problem.targeted)
        return (ahead > problem.margin).all(1)

    holds = holds or deceived
    for _ in range(rounds):
        point = z.detach().requires_grad_()
        logits = problem.observer(point, rows, None)
        ahead = lead(logits, labels, problem.targeted).amin(1)
        (slope,) = torch.autograd.grad(ahead.sum(), point)
        change = (z - x) * LEVELS
        towards = -change.sign()  # one level back
        unit = moves.shape(j, power)
        saved = (2 * change.abs() - 1) / unit.square()  # of the squared size, by one level less
        price = -(slope * towards) / LEVELS  # of the lead
        score = torch.where(change.abs() > 0.5, price / saved, torch.inf).flatten(1)
        order = score.argsort(1).argsort(1)  # rank of each pixel, the cheapest first
        count = (change.abs() > 0.5).flatten(1).sum(1)
        low, high = torch.zeros_like(count, dtype=torch.float32), count.float()
        best = z
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            back = (order < middle[:, None]).view_as(z)
            candidate = to_levels(z + torch.where(back, towards / LEVELS, 0.0))
            good = holds(candidate)
            best = torch.where(good.view(-1, 1, 1, 1), candidate, best)
            low, high = torch.where(good, middle, low), torch.where(good, high, middle)
        z = best
        yield z


def shave(
    problem: Problem, z: Tensor, holds: Callable[[Tensor], Tensor], power: float
) -> Iterator[Tensor]:
    """`polish` of one picture 1×3×H×W by a verdict, see `engine.attack.problem.Method`."""
    return polish(problem, torch.zeros(1, dtype=torch.int64), z, holds, SHAVES, power)


def ours(targeted: bool, name: str = "ours", power: float = POWER) -> Method:
    steps, again = FAR if targeted else NEAR
    return Method(
        name=name,
        source="this project",
        loss=shortfall,
        advance=moves.ddn(growth=0.25, settled=0.01, power=power),
        steps=steps,
        measure=partial(size, power=power),
        polish=partial(polish, power=power),
        shave=partial(shave, power=power),
        again=again,
        far=FAR,
    )
