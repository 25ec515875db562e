"""The methods, as rows: what each descends, how it steps, how its knob is tuned.

Fixed-ε methods get the smallest ε at which each picture succeeds (bisection), so that all methods
are compared at equal success. Where the usual budget is far above ours the source says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from . import moves
from .colour import colour_distance
from .loop import Active, Method
from .objective import (
    Weights,
    adversarial_loss,
    cross_entropy,
    hinge,
    lead,
    perceptual_loss,
    similarity,
    squared_error,
    total_variation,
)
from .ours import BY_EYE, ours
from .tuning import Bisect, Lower

LEVEL = 1 / 255
# Where the methods usually succeed first, so that the rounds go into the bisection.
EPSILON = Bisect(first=2 * LEVEL, rounds=12, limit=64 * LEVEL, unit=LEVEL)
ONE_STEP = replace(EPSILON, first=8 * LEVEL)
SCALE = Bisect(first=8 * LEVEL, rounds=6, limit=1.0, precise=1.1)  # ε of the largest entry only
LARGEST = replace(SCALE, first=64 * LEVEL, rounds=8)  # the gradient's largest entry is far larger


def ce(active: Active) -> Tensor:
    return cross_entropy(active.logits, active.labels, active.problem.targeted)


def short(active: Active) -> Tensor:
    """The hinge at the margin, a little above it so that its gradient does not vanish there."""
    problem = active.problem
    return hinge(active.logits, active.labels, problem.targeted, problem.margin + 1e-4)


def distance_to_border(active: Active) -> Tensor:
    """Minus the smallest lead, n; leaves what FMN's radius needs in memory["gap"]."""
    problem = active.problem
    ahead = lead(active.logits, active.labels, problem.targeted).amin(1)
    active.memory["gap"] = (problem.margin - ahead).detach()
    return -ahead


def paper(weights: Weights) -> Callable[[Active], Tensor]:
    """Eq. 1: L_adv + β (L1 + L2 + G), the knob being β."""

    def loss(active: Active) -> Tensor:
        adversarial = adversarial_loss(active.logits, active.labels, active.problem.targeted)
        seen = perceptual_loss(active.z, active.x, active.j, weights)
        return adversarial + active.knob.flatten() * seen

    return loss


def carlini_wagner(active: Active) -> Tensor:
    """|P|² + c f_6 (Carlini and Wagner 2017, eq. 4), the knob being c."""
    return squared_error(active.z, active.x) + active.knob.flatten() * short(active)


def jndmga(active: Active) -> Tensor:
    """Akan et al. 2020: L_adv + L2 + total variation + bounded range; the weights are ours.

    Stops at the first changed label. L_adv instead of their cross-entropy, whose gradient
    vanishes where the observer is sure, which ours are.
    """
    p = active.z - active.x
    outside = (F.relu(active.z - 1) + F.relu(-active.z)).mean((1, 2, 3))
    energy = p.square().mean((1, 2, 3))
    adversarial = adversarial_loss(active.logits, active.labels, active.problem.targeted)
    return adversarial + 100 * (energy + total_variation(p)) + outside


def mnd(active: Active) -> Tensor:
    """Sun et al. 2022: L_adv + magnitude + (1 - SSIM) + gradient change; the knob is L_adv's."""
    plain = Weights(l1=0, l2=1, gradient=1, gate=False, channels=False)
    seen = perceptual_loss(active.z, active.x, active.j, plain)
    adversarial = adversarial_loss(active.logits, active.labels, active.problem.targeted)
    seen = seen + 1 - similarity(active.z, active.x)
    return active.knob.flatten() * adversarial + seen


def perc_al(active: Active) -> Tensor:
    """Zhao et al. 2020: the adversarial loss until the picture succeeds, then the colour one."""
    return torch.where(active.won, colour_distance(active.z, active.x), ce(active))


def low_frequencies(x: Tensor) -> Tensor:
    """One Haar level kept and brought back: n×3×H×W, an odd last row or column repeated."""
    height, width = x.shape[2:]
    even = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
    small = F.avg_pool2d(even, 2)
    return F.interpolate(small, scale_factor=2, mode="nearest")[:, :, :height, :width]


def ssah(active: Active) -> Tensor:
    """Luo et al. 2022: semantic similarity attack plus the change of the low frequencies.

    Their feature similarity becomes the lead, since our observers give logits; the knob weighs it.
    """
    low = (low_frequencies(active.z) - low_frequencies(active.x)).abs().sum((1, 2, 3))
    return low + active.knob.flatten() * short(active)


def _paper(name: str, weights: Weights, targeted: bool) -> Method:
    """Of the pictures that succeed the smallest is kept, as with every method.

    Not that of least L_per: with the gate that is 0 for whatever lies below J. The papers of this
    method, of JNDMGA and MND do not say how they descend: all three in steps of one length, for
    Adam's change every pixel alike and end some decibels larger. A given target is further away,
    and where the way there is long shorter steps end at a smaller change.
    """
    first, by = (30.0, 1.0) if targeted else (1500.0, 50.0)
    return Method(
        name=name,
        source="Xue et al. 2023",
        loss=paper(weights),
        advance=moves.steepest(DESCENT / 2 if targeted else DESCENT),
        steps=120 if targeted else 40,
        tuning=Lower(first=first, by=by),
        again=40 if targeted else 20,
    )


def _fixed(name: str, source: str, advance: Callable, steps: int, **choices) -> Method:
    return Method(
        name=name,
        source=source,
        loss=ce,
        advance=advance,
        steps=steps,
        **({"tuning": EPSILON, "eager": True} | choices),
    )


ABLATIONS = {
    "paper-l1": Weights(1, 0, 0),
    "paper-l1-nojnd": Weights(1, 0, 0, gate=False),
    "paper-l2": Weights(0, 1, 0),
    "paper-l2-nojnd": Weights(0, 1, 0, gate=False),
    "paper-l1+l2": Weights(1, 1, 0),
    "paper-nochannels": Weights(channels=False),
}
# Ours in the metric |P / J^p|, from plain L2 to nearly `ours-jnd`, by p.
POWERS = {f"ours-p{power}": power for power in (0.0, 0.3, 0.5, 0.75)}
DESCENT = 0.1  # Euclidean length of a step, all pixels together
STEPS, RATE = 10, 0.25  # of the iterated fixed-ε methods, per round; rate as a share of ε
ROWS = (
    _fixed("fgsm", "Goodfellow et al. 2015", moves.bounded(moves.sign, 1.0), 1, tuning=ONE_STEP),
    _fixed("fgv", "Rozsa et al. 2016", moves.bounded(moves.scaled_value, 1.0), 1, tuning=LARGEST),
    _fixed("bim", "Kurakin et al. 2017", moves.bounded(moves.sign, RATE), STEPS),
    _fixed(
        "pgd",
        "Madry et al. 2018",
        moves.bounded(moves.sign, RATE),
        STEPS,
        start=moves.uniform_start,
    ),
    _fixed("mi-fgsm", "Dong et al. 2018", moves.bounded(moves.momentum_sign, RATE), STEPS),
    _fixed(
        "di2-fgsm",
        "Xie et al. 2019",
        moves.bounded(moves.sign, RATE),
        STEPS,
        distort=moves.diverse,
        eager=False,
    ),
    _fixed(
        "m-di2-fgsm",
        "Xie et al. 2019",
        moves.bounded(moves.momentum_sign, RATE),
        STEPS,
        distort=moves.diverse,
        eager=False,
    ),
    _fixed("advjnd", "Zhang et al. 2020", moves.bounded(moves.jnd_sign, RATE), STEPS, tuning=SCALE),
    Method(
        "jndmga",
        "Akan et al. 2020",
        jndmga,
        moves.steepest(DESCENT),
        steps=60,
        eager=True,
        again=30,
    ),
    Method(
        "mnd",
        "Sun et al. 2022",
        mnd,
        moves.steepest(DESCENT),
        steps=60,
        tuning=Bisect(first=0.1, rounds=2, factor=10.0),
        eager=True,
        again=30,
    ),
    Method(
        "cw",
        "Carlini and Wagner 2017; 9 × 10,000 steps in their code",
        carlini_wagner,
        moves.tanh_adam(1e-2),
        steps=50,
        tuning=Bisect(first=1.0, rounds=9, factor=10.0),
        again=25,
    ),
    Method(
        "ddn", "Rony et al. 2019; 100 steps in their examples", ce, moves.ddn(), steps=40, again=20
    ),
    Method(
        "fmn",
        "Pintor et al. 2021; 100 steps in foolbox",
        distance_to_border,
        moves.fmn(),
        steps=40,
        again=20,
    ),
    Method(
        "perc-al",
        "Zhao et al. 2020; 1000 steps in their code",
        perc_al,
        moves.alternate(1.0, 0.5),
        steps=40,
        again=20,
    ),
    Method(
        "ssah",
        "Luo et al. 2022; 150 to 200 steps in their code",
        ssah,
        moves.adam(1e-3),
        steps=30,
        tuning=Bisect(first=100.0, rounds=3, factor=10.0),
        again=15,
    ),
)
METHODS: dict[str, Callable[[bool], Method]] = {
    **{row.name: partial(lambda row, targeted: row, row) for row in ROWS},
    "paper": partial(_paper, "paper", Weights()),
    **{name: partial(_paper, name, weights) for name, weights in ABLATIONS.items()},
    "ours-jnd": partial(ours, name="ours-jnd", power=BY_EYE),
    **{name: partial(ours, name=name, power=power) for name, power in POWERS.items()},
    "ours-unshaved": lambda targeted: replace(ours(targeted), name="ours-unshaved", shave=None),
    "ours": ours,
}
# Rows that show what a part of a method brings.
ABLATED = (*ABLATIONS, *POWERS, "ours-unshaved")


def method(name: str, targeted: bool, **changes) -> Method:
    """The row of that name, its settings for targeted or non-targeted; `changes` replace fields."""
    return replace(METHODS[name](targeted), **changes)
