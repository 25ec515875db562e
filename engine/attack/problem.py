"""What a search is given and what it yields: the problem, a method's choices, a step.

The loop that uses them is `engine.attack.loop`, the rows of choices are `engine.attack.methods`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .tuning import Once, Tuning

Distort = Callable[[Tensor], Tensor]
# (pictures float32 n×3×H×W in 0…1, rows int64 n of the problem, a transform of the network's input
# or None) -> logits n×V×K
Observer = Callable[[Tensor, Tensor, Distort | None], Tensor]


@dataclass(frozen=True)
class Problem:
    """N pictures to change and `observer`, the model under attack.

    clean float32 N×3×H×W in 0…1, whole 8-bit levels; threshold the same shape, J in 0…1;
    labels int64 N×V: the target, or the label to leave; margin: the lead in logits that counts.
    """

    clean: Tensor
    threshold: Tensor
    observer: Observer
    labels: Tensor
    targeted: bool
    margin: float = 0.0


@dataclass
class Active:
    """The pictures that are still being changed in a round; the first dimension of every tensor
    is their number n.

    rows: which pictures of the problem; x, j, labels: theirs; z: the current picture; knob:
    n×1×1×1; memory: a method's own state (momentum, Adam's moments, a radius); logits n×V×K,
    success bool n and gradient: of the last evaluation, at z; done: share of the round's steps
    that are done, 0…1.
    """

    problem: Problem
    rows: Tensor
    x: Tensor
    j: Tensor
    labels: Tensor
    z: Tensor
    knob: Tensor
    noise: torch.Generator
    memory: dict[str, Tensor] = field(default_factory=dict)
    logits: Tensor | None = None
    success: Tensor | None = None
    gradient: Tensor | None = None
    done: float = 0.0

    def keep(self, stay: Tensor) -> None:
        """Drop the pictures where `stay` (bool n) is false."""
        for name in ("rows", "x", "j", "labels", "z", "knob", "logits", "success", "gradient"):
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, value[stay])
        self.memory = {name: value[stay] for name, value in self.memory.items()}


@dataclass(frozen=True)
class Method:
    """A row of choices for the loop.

    loss: what is minimised, one number per picture, of an `Active` whose z and logits are
    current; advance: the next z from the gradient; start: the first z of a round; tuning: the
    knob from round to round; distort: a random transform of a network's input, (x, noise), or None;
    rounded: the model is given whole 8-bit levels (the gradient passes through); eager: a
    picture is finished for this round at its first success; measure: what "smallest" means,
    (z, x, j) -> n; polish: after the rounds, yields still smaller candidates for the successful
    pictures, one gradient each; shave: the same for one finished picture 1×3×H×W, (problem, z,
    holds), where holds judges the file it would be; again: steps where another search came before
    and this one begins at its picture, None where it begins anew; far: steps and again where the
    way is long (`engine.cloak.face`), None where they are the usual ones.
    """

    name: str
    source: str
    loss: Callable[[Active], Tensor]
    advance: Callable[[Active], Tensor]
    steps: int
    start: Callable[[Active], Tensor] = lambda active: active.x.clone()
    tuning: Tuning = field(default_factory=Once)
    distort: Callable[..., Tensor] | None = None
    rounded: bool = True
    eager: bool = False
    measure: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda z, x, j: (
        (z - x).square().sum((1, 2, 3))
    )
    polish: Callable[[Problem, Tensor, Tensor], Iterator[Tensor]] | None = None
    shave: Callable[[Problem, Tensor, Callable[[Tensor], Tensor]], Iterator[Tensor]] | None = None
    again: int | None = None
    far: tuple[int, int] | None = None


@dataclass(frozen=True)
class Earlier:
    """The result of the search before, with the same N pictures and other views.

    best float32 N×3×H×W: its picture; knob N: the best's; low N: the lowest that was left open to
    its tuning (`engine.attack.tuning.Knobs`).
    """

    best: Tensor
    knob: Tensor
    low: Tensor


@dataclass(frozen=True)
class Step:
    """The state of a search of N pictures.

    best float32 N×3×H×W in 0…1, whole levels: the smallest change so far that succeeds, the
    clean picture where found (bool N) is false; size N: of that change, by the method's measure;
    gradients int64 N: gradient evaluations so far; knob N: the knob of the best.
    """

    round: int
    number: int
    active: int
    best: Tensor
    found: Tensor
    size: Tensor
    gradients: Tensor
    knob: Tensor
