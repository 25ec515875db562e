"""The methods, as rows: what each minimises, how it steps, how its knob is tuned.

Fixed-ε methods get the smallest ε at which each picture succeeds (bisection), so that all methods
are compared at equal success. Where the usual budget is far above ours the source says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..objective import Weights
from ..problem import Method
from ..tuning import Bisect, Lower
from . import losses, moves
from .ours import BY_EYE, ours

LEVEL = 1 / 255
# Where the methods usually succeed first, so that the rounds go into the bisection.
EPSILON = Bisect(first=2 * LEVEL, rounds=12, limit=64 * LEVEL, unit=LEVEL)
ONE_STEP = replace(EPSILON, first=8 * LEVEL)
SCALE = Bisect(first=8 * LEVEL, rounds=6, limit=1.0, precise=1.1)  # ε of the largest entry only
LARGEST = replace(SCALE, first=64 * LEVEL, rounds=8)  # the gradient's largest entry is far larger


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
        loss=losses.paper(weights),
        advance=moves.steepest(DESCENT / 2 if targeted else DESCENT),
        steps=120 if targeted else 40,
        tuning=Lower(first=first, by=by),
        again=40 if targeted else 20,
    )


def _fixed(name: str, source: str, advance: Callable, steps: int, **choices) -> Method:
    return Method(
        name=name,
        source=source,
        loss=losses.ce,
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
        losses.jndmga,
        moves.steepest(DESCENT),
        steps=60,
        eager=True,
        again=30,
    ),
    Method(
        "mnd",
        "Sun et al. 2022",
        losses.mnd,
        moves.steepest(DESCENT),
        steps=60,
        tuning=Bisect(first=0.1, rounds=2, factor=10.0),
        eager=True,
        again=30,
    ),
    Method(
        "cw",
        "Carlini and Wagner 2017; 9 × 10,000 steps in their code",
        losses.carlini_wagner,
        moves.tanh_adam(1e-2),
        steps=50,
        tuning=Bisect(first=1.0, rounds=9, factor=10.0),
        again=25,
    ),
    Method(
        "ddn",
        "Rony et al. 2019; 100 steps in their examples",
        losses.ce,
        moves.ddn(),
        steps=40,
        again=20,
    ),
    Method(
        "fmn",
        "Pintor et al. 2021; 100 steps in foolbox",
        losses.distance_to_border,
        moves.fmn(),
        steps=40,
        again=20,
    ),
    Method(
        "perc-al",
        "Zhao et al. 2020; 1000 steps in their code",
        losses.perc_al,
        moves.alternate(1.0, 0.5),
        steps=40,
        again=20,
    ),
    Method(
        "ssah",
        "Luo et al. 2022; 150 to 200 steps in their code",
        losses.ssah,
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
# Rows whose knob is ε, the largest change of a pixel (of `advjnd` and `fgv`: of the largest entry).
BUDGETED = tuple(row.name for row in ROWS if row.tuning in (EPSILON, ONE_STEP, SCALE, LARGEST))
# Rows whose loss, step or measure depends on J.
READS_JND = (
    "advjnd",
    "paper",
    *(name for name, weights in ABLATIONS.items() if weights.gate),
    *(name for name, power in POWERS.items() if power > 0),
    *("ours-jnd", "ours-unshaved", "ours"),
)


def method(name: str, targeted: bool, **changes) -> Method:
    """The row of that name, its settings for targeted or non-targeted; `changes` replace fields."""
    return replace(METHODS[name](targeted), **changes)
