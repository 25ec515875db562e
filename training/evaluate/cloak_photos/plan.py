"""The rows of the attacks on photos: which method, which classifiers, which goal, how many photos.

One budget for all: at most `BUDGET` gradients a photo. A method that goes on for rounds has its
rounds shortened, so that several fit (`STEPS`); what a photo does not need of a round is left for
the next ones. The methods' own budgets, often far larger, are in `engine.attack.methods`; the
paper's is measured with its own as well, on fewer photos.

Two goals. Not targeted: another label than the predicted one. Targeted: one label of the other 999,
drawn for each photo with `SEED`. Two things to deceive: one classifier, `ATTACKED`, as the paper
attacks one recogniser, and, on fewer photos, the whole panel at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.attack.methods import ABLATIONS, losses, ours
from engine.attack.methods import method as method_row
from engine.attack.problem import Method
from engine.models.registry import PANELS

from ..cloak.plan import MAIN, default_jnd

PANEL = PANELS["photos"].members
ATTACKED = PANEL[0]
SEED = 0
BUDGET = 30  # gradients a photo
BATCH = 5  # photos that advance together; a batch is done whole or not at all
COUNT = 100
FEW = 20  # photos of the paper's parts, of the rows against the panel, and of those without a limit
# Steps in a round, not targeted and targeted, of the methods that never end one early; of the
# others a round is their own, or the whole budget.
STEPS = {
    "cw": (BUDGET // 2, BUDGET // 2),
    "paper": (BUDGET // 3, BUDGET),  # its steps are of one length: fewer do not reach a given label
    "ssah": (BUDGET // 2, BUDGET // 2),
    "di2-fgsm": (5, 5),
    "m-di2-fgsm": (5, 5),
    "mnd": (BUDGET // 2, BUDGET),
}
# Ours with the cross-entropy in place of what the lead is short of: with 1,000 classes it comes to
# a given label with a smaller change.
OURS_CE = "ours-ce"
# JND-weighted rows, each after the anchor that is the same without the JND.
WEIGHTED = {
    "advjnd": "bim",
    "ours": "ours-p0.0",
    "ours-jnd": "ours-p0.0",
    "paper-l1": "paper-l1-nojnd",
    "paper-l2": "paper-l2-nojnd",
}
PARTS = tuple(dict.fromkeys(n for n in (*WEIGHTED.values(), *WEIGHTED) if n not in MAIN))
TOGETHER = ("ours", "ours-jnd", "fmn", "paper")  # against the whole panel


@dataclass(frozen=True)
class Row:
    """One line of the table. photos: on so many, the first; limited: by `BUDGET`."""

    method: str
    targeted: bool
    attacked: tuple[str, ...] = (ATTACKED,)
    photos: int = COUNT
    limited: bool = True

    @property
    def name(self) -> str:
        whom = ["panel"] * (len(self.attacked) > 1)
        how = ["targeted"] * self.targeted + ["unlimited"] * (not self.limited)
        return "-".join([*whom, self.method, *how])

    @property
    def base(self) -> str:
        """The method in `engine.attack.methods` of which this is a row."""
        return "ours" if self.method == OURS_CE else self.method

    @property
    def jnd(self) -> str:
        return default_jnd(self.base)

    @property
    def choices(self) -> Method:
        """The method's row, its rounds as long as the budget allows."""
        chosen = method_row(self.base, self.targeted)
        if self.method == OURS_CE:
            chosen = replace(chosen, loss=losses.ce)
        if not self.limited:
            return chosen
        polish = ours.ROUNDS if chosen.polish is not None else 0
        family = "paper" if self.method in ABLATIONS else self.method
        whole = BUDGET - polish
        most = STEPS.get(family, (whole, whole))[self.targeted]
        return replace(chosen, steps=min(chosen.steps, most))

    @property
    def budget(self) -> int | None:
        """Gradients a photo at most."""
        return BUDGET if self.limited else None

    @property
    def batches(self) -> list[list[int]]:
        """The photos' numbers, always in the same batches."""
        return [
            list(range(at, min(at + BATCH, self.photos))) for at in range(0, self.photos, BATCH)
        ]


def plan(photos: int = COUNT) -> list[Row]:
    """All rows, the most wanted first. photos: so many at most in each."""
    count, few = min(photos, COUNT), min(photos, FEW)
    rows = [
        Row(name, targeted, photos=count) for targeted in (False, True) for name in reversed(MAIN)
    ]
    rows += [Row(OURS_CE, True, photos=count)]
    rows += [Row(name, False, photos=few if name in ABLATIONS else count) for name in PARTS]
    rows += [Row(name, False, PANEL, few) for name in TOGETHER]
    return rows + [Row("paper", targeted, photos=few, limited=False) for targeted in (False, True)]


def targets(labels: np.ndarray, classes: int) -> np.ndarray:
    """For each label int64 N another one, every other one as likely; int64 N.

    The first ones do not depend on how many there are.
    """
    shifts = np.random.default_rng(SEED).integers(1, classes, len(labels))
    return (labels + shifts) % classes
