"""The one search loop: look, gradient, normalise, step, project, clip; round to 8 bits, look again.

A method (see `engine.attack.methods`) is a set of choices for it. All pictures of a batch advance
together; each has its own knob (an ε, a c, a β), which is tuned from round to round, and its own
best so far; the finished ones drop out. The loop does not trust the method: it clips and rounds
to 8 bits what it counts as found.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from .objective import lead, to_levels
from .tuning import Once, Tuning

Distort = Callable[[Tensor], Tensor]
# (pictures float32 n×3×H×W in 0…1, rows int64 n of the problem, what is done to a network's input
# or None) -> logits n×V×K
Observer = Callable[[Tensor, Tensor, Distort | None], Tensor]


@dataclass(frozen=True)
class Problem:
    """N pictures to change and who is to be deceived.

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
    """The pictures still worked on in a round; every tensor's first dimension is their number n.

    rows: which pictures of the problem; x, j, labels: theirs; z: where each is; knob: n×1×1×1;
    memory: what a method keeps (momentum, Adam's moments, a radius); logits n×V×K, won n and
    gradient: of the last look at z; done: share of the round's steps that are done, 0…1.
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
    won: Tensor | None = None
    gradient: Tensor | None = None
    done: float = 0.0

    def keep(self, stay: Tensor) -> None:
        """Drop the pictures where `stay` (bool n) is false."""
        for name in ("rows", "x", "j", "labels", "z", "knob", "logits", "won", "gradient"):
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, value[stay])
        self.memory = {name: value[stay] for name, value in self.memory.items()}


@dataclass(frozen=True)
class Method:
    """A row of choices for the loop.

    loss: what is descended, one number per picture, of an `Active` whose z and logits are
    current; advance: the next z from the gradient; start: the first z of a round; tuning: the
    knob from round to round; distort: a random transform of a network's input, (x, noise), or None;
    rounded: the observer sees whole 8-bit levels (the gradient passes through); eager: a picture
    is finished for this round at its first success; measure: what "smallest" means, (z, x, j) ->
    n; polish: after the rounds, yields still smaller candidates for the successful pictures, one
    gradient each; shave: the same for one finished picture 1×3×H×W, (problem, z, holds), where
    holds judges the file it would be; again: steps where another search came before and this one
    begins at its picture, None where it begins anew; far: steps and again where the way is long
    (`engine.cloak.face`), None where as ever.
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
    """What the search before, with the same N pictures and other views, has shown.

    best float32 N×3×H×W: its picture; knob N: the best's; low N: the lowest that was left open to
    its tuning (`engine.attack.tuning.Knobs`).
    """

    best: Tensor
    knob: Tensor
    low: Tensor


@dataclass(frozen=True)
class Step:
    """Where a search of N pictures stands.

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


class Search:
    """A problem, a method, and what was found so far. `steps` is the loop.

    earlier: of the search before, with a smaller margin or other views, that all pictures passed.
    """

    def __init__(
        self, problem: Problem, method: Method, seed: int = 0, earlier: Earlier | None = None
    ):
        count = len(problem.clean)
        device = problem.clean.device
        self.problem, self.method = problem, method
        self.noise = torch.Generator(device).manual_seed(seed)
        self.best = problem.clean.clone()
        self.found = torch.zeros(count, dtype=torch.bool, device=device)
        self.size = torch.full((count,), float("inf"), device=device)
        self.knob = torch.full((count,), float("nan"), device=device)
        self.nearest = problem.clean.clone()  # to success, of what was looked at, and its lead
        self.reach = torch.full((count,), float("-inf"), device=device)
        self.gradients = torch.zeros(count, dtype=torch.int64, device=device)
        self.earlier = earlier
        self.knobs = method.tuning.begin(count, device)
        if earlier is not None:
            self.knobs.after(earlier.knob, earlier.low)

    @property
    def resumed(self) -> bool:
        """Whether it begins at the earlier picture."""
        return self.earlier is not None and self.method.again is not None

    @property
    def count(self) -> int:
        """At most so many steps in a round."""
        return self.method.again if self.resumed else self.method.steps

    def steps(
        self,
        *,
        max_seconds: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Step]:
        """A `Step` per gradient step and one per round. Ends early when late or cancelled."""
        until = float("inf") if max_seconds is None else time.monotonic() + max_seconds
        problem, method, tuner = self.problem, self.method, self.knobs
        count, number = self.count, 0
        for round_ in range(method.tuning.rounds):
            if not tuner.open.any():
                return
            active = self.begin(tuner.open.nonzero()[:, 0], tuner.knob)
            won_now = torch.zeros_like(self.found)
            for index in range(count):
                active.done = (1 + index / count) / 2 if self.resumed else index / count
                self.look(active)
                if method.distort is None:
                    won_now[active.rows[self.record(active)]] = True
                    if method.eager:
                        active.keep(~active.won)
                if len(active.rows) == 0:
                    break
                active.z = method.advance(active).clamp(0, 1).detach()
                number += 1
                yield self.step(round_, number, len(active.rows))
                if time.monotonic() > until or cancelled():
                    self.finish(active)
                    yield self.step(round_, number, 0)
                    return
            won_now[active.rows[self.finish(active)]] = True
            tuner.update(won_now)
            yield self.step(round_, number, 0)
        if method.polish is not None and self.found.any():
            rows = self.found.nonzero()[:, 0]
            for refined in method.polish(problem, rows, self.best[rows]):
                self.gradients[rows] += 1
                self.offer(rows, refined)
                number += 1
                yield self.step(method.tuning.rounds, number, len(rows))
                if time.monotonic() > until or cancelled():
                    return

    def begin(self, rows: Tensor, knob: Tensor) -> Active:
        problem = self.problem
        x, j, labels = problem.clean[rows], problem.threshold[rows], problem.labels[rows]
        knob = knob[rows].view(-1, 1, 1, 1)
        active = Active(problem, rows, x, j, labels, x, knob, self.noise)
        start = self.earlier.best[rows] if self.resumed else self.method.start(active)
        active.z = start.clamp(0, 1)
        return active

    def look(self, active: Active) -> None:
        """Logits and gradient of the loss at z; where the gradient is zero, a random direction."""
        method, problem = self.method, self.problem
        z = active.z = active.z.detach().requires_grad_()
        levels = to_levels(z)
        seen = levels if method.rounded else z
        distort = method.distort and partial(method.distort, noise=self.noise)
        active.logits = problem.observer(seen, active.rows, distort)
        ahead = self.ahead(active.logits, active.labels)
        active.won = ahead > problem.margin
        self.approach(active.rows, levels.detach(), ahead)
        active.gradient = torch.autograd.grad(method.loss(active).sum(), z)[0]
        active.z, active.logits = z.detach(), active.logits.detach()
        self.gradients[active.rows] += 1
        stuck = active.gradient.flatten(1).abs().amax(1) == 0
        if stuck.any():
            random = torch.randn(z.shape, generator=self.noise, device=z.device)
            active.gradient = torch.where(stuck.view(-1, 1, 1, 1), random, active.gradient)

    def ahead(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The lead in the view that is least deceived, n."""
        return lead(logits.detach(), labels, self.problem.targeted).amin(1)

    def approach(self, rows: Tensor, z: Tensor, ahead: Tensor) -> None:
        """Store the pictures z that come closer to success than what was looked at before."""
        closer = ahead > self.reach[rows]
        chosen = rows[closer]
        self.nearest[chosen], self.reach[chosen] = z[closer], ahead[closer]

    def record(self, active: Active) -> Tensor:
        """Keep what the last look found, if it is smaller than the best; bool n: it succeeds.

        Where the observer saw unrounded pixels nothing is kept: those are in no file.
        """
        if not self.method.rounded:
            return torch.zeros_like(active.won)
        return self.keep(active.rows, to_levels(active.z), active.won, active.knob.flatten())

    def keep(self, rows: Tensor, z: Tensor, won: Tensor, knob: Tensor) -> Tensor:
        """Store the pictures z, whole levels, that won and are smaller than the best."""
        problem = self.problem
        size = self.method.measure(z, problem.clean[rows], problem.threshold[rows])
        better = won & (size < self.size[rows])
        chosen = rows[better]
        self.best[chosen], self.size[chosen] = z[better], size[better]
        self.found[chosen], self.knob[chosen] = True, knob[better]
        return won

    @torch.no_grad()
    def offer(self, rows: Tensor, z: Tensor, knob: Tensor | None = None) -> Tensor:
        """Look at finished pictures, rounded; keep what is better; bool n: it succeeds."""
        z = to_levels(z)
        ahead = self.ahead(self.problem.observer(z, rows, None), self.problem.labels[rows])
        self.approach(rows, z, ahead)
        won = ahead > self.problem.margin
        return self.keep(rows, z, won, self.knob[rows] if knob is None else knob)

    def finish(self, active: Active) -> Tensor:
        """Look at where a round ended."""
        if len(active.rows) == 0:
            return active.rows.bool()
        return self.offer(active.rows, active.z, active.knob.flatten())

    def step(self, round_: int, number: int, active: int) -> Step:
        return Step(
            round=round_,
            number=number,
            active=active,
            best=self.best.clone(),
            found=self.found.clone(),
            size=self.size.clone(),
            gradients=self.gradients.clone(),
            knob=self.knob.clone(),
        )


def last(steps: Iterator[Step]) -> Step:
    """Run a search to its end."""
    *_, step = steps
    return step
