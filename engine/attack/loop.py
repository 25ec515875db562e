"""The one search loop: gradient, then the method's step, then clip; round to 8 bits and evaluate.

A method (`engine.attack.methods`) is a set of choices for it: the loss, how the gradient is
normalised, the step, the projection. All pictures of a batch advance together; each has its own
knob (an ε, a c, a β), which is tuned from round to round, and its own best so far; the finished
ones drop out. The loop does not trust the method: it clips, and rounds to 8 bits before a picture
counts as a success.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from .objective import lead, to_levels
from .problem import Active, Earlier, Method, Problem, Step


class Search:
    """A problem, a method, and the best pictures so far. `steps` is the loop.

    best, found, size, gradients, knob: as in `Step`. nearest float32 N×3×H×W: the picture that
    came closest to success, whole levels; reach N: its lead. earlier: the result of the search
    before, with a smaller margin or other views, in which all pictures succeeded.
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
        self.nearest = problem.clean.clone()
        self.reach = torch.full((count,), float("-inf"), device=device)
        self.gradients = torch.zeros(count, dtype=torch.int64, device=device)
        self.number = 0  # of steps so far
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
        """The largest number of steps in a round."""
        return self.method.again if self.resumed else self.method.steps

    def steps(
        self,
        *,
        max_seconds: float | None = None,
        max_gradients: int | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Step]:
        """A `Step` per gradient step and one per round. Ends early when late or cancelled.

        max_gradients: no picture begins a round, or one of the polish, that could take it beyond.
        """
        until = float("inf") if max_seconds is None else time.monotonic() + max_seconds

        def over() -> bool:
            return time.monotonic() > until or cancelled()

        most = float("inf") if max_gradients is None else max_gradients
        for round_ in range(self.method.tuning.rounds):
            self.knobs.open &= self.gradients + self.count <= most
            if not self.knobs.open.any():
                break
            active = self.begin()
            succeeded = torch.zeros_like(self.found)  # in this round
            for index in range(self.count):
                active.done = (1 + index / self.count) / 2 if self.resumed else index / self.count
                self.look(active)  # gradient
                self.record(active, succeeded)
                if len(active.rows) == 0:
                    break
                z = self.method.advance(active)  # normalise, step, project
                active.z = z.clamp(0, 1).detach()  # clip
                yield self.step(round_, len(active.rows))
                if over():
                    self.finish(active, succeeded)
                    yield self.state(round_)
                    return
            self.finish(active, succeeded)
            self.knobs.update(succeeded)
            yield self.state(round_)
        yield from self.polish(lambda: over() or bool((self.gradients >= most).any()))

    def polish(self, over: Callable[[], bool]) -> Iterator[Step]:
        """Make the successful changes smaller, where the method can."""
        if self.method.polish is None or not self.found.any() or over():
            return
        rows = self.found.nonzero()[:, 0]
        for candidates in self.method.polish(self.problem, rows, self.best[rows]):
            self.gradients[rows] += 1
            self.offer(rows, candidates, self.knob[rows])
            yield self.step(self.method.tuning.rounds, len(rows))
            if over():
                return

    def begin(self) -> Active:
        """The pictures whose knob is still open, at the start of a round."""
        problem, rows = self.problem, self.knobs.open.nonzero()[:, 0]
        x, j, labels = problem.clean[rows], problem.threshold[rows], problem.labels[rows]
        knob = self.knobs.knob[rows].view(-1, 1, 1, 1)
        active = Active(problem, rows, x, j, labels, x, knob, self.noise)
        start = self.earlier.best[rows] if self.resumed else self.method.start(active)
        active.z = start.clamp(0, 1)
        return active

    def look(self, active: Active) -> None:
        """Logits, and gradient of the loss, at z; a random direction where the gradient is zero."""
        method, problem = self.method, self.problem
        z = active.z = active.z.detach().requires_grad_()
        levels = to_levels(z)
        distort = method.distort and partial(method.distort, noise=self.noise)
        active.logits = problem.observer(levels if method.rounded else z, active.rows, distort)
        leads = self.leads(active.logits, active.labels)
        active.success = leads > problem.margin
        self.approach(active.rows, levels.detach(), leads)
        active.gradient = torch.autograd.grad(method.loss(active).sum(), z)[0]
        active.z, active.logits = z.detach(), active.logits.detach()
        self.gradients[active.rows] += 1
        stuck = active.gradient.flatten(1).abs().amax(1) == 0
        if stuck.any():
            random = torch.randn(z.shape, generator=self.noise, device=z.device)
            active.gradient = torch.where(stuck.view(-1, 1, 1, 1), random, active.gradient)

    def leads(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The lead in the view that is least fooled, n."""
        return lead(logits.detach(), labels, self.problem.targeted).amin(1)

    def approach(self, rows: Tensor, z: Tensor, leads: Tensor) -> None:
        """Store the pictures z that come closer to success than any before."""
        closer = leads > self.reach[rows]
        chosen = rows[closer]
        self.nearest[chosen], self.reach[chosen] = z[closer], leads[closer]

    def record(self, active: Active, succeeded: Tensor) -> None:
        """Store the pictures at which the gradient was taken, where they succeed.

        Not where the network's input was distorted at random, which shows nothing of the picture,
        nor where the model was given unrounded pixels, which are in no file.
        """
        if self.method.distort is not None:
            return
        if self.method.rounded:
            self.store(active.rows, to_levels(active.z), active.success, active.knob.flatten())
            succeeded[active.rows[active.success]] = True
        if self.method.eager:
            active.keep(~active.success)

    def store(self, rows: Tensor, z: Tensor, success: Tensor, knob: Tensor) -> None:
        """Of the pictures z, whole levels, store those that succeed and are below the best."""
        problem = self.problem
        size = self.method.measure(z, problem.clean[rows], problem.threshold[rows])
        better = success & (size < self.size[rows])
        chosen = rows[better]
        self.best[chosen], self.size[chosen] = z[better], size[better]
        self.found[chosen], self.knob[chosen] = True, knob[better]

    @torch.no_grad()
    def offer(self, rows: Tensor, z: Tensor, knob: Tensor) -> Tensor:
        """Round finished pictures, evaluate them, store the better ones; bool n: success."""
        z = to_levels(z)
        leads = self.leads(self.problem.observer(z, rows, None), self.problem.labels[rows])
        self.approach(rows, z, leads)
        success = leads > self.problem.margin
        self.store(rows, z, success, knob)
        return success

    def finish(self, active: Active, succeeded: Tensor) -> None:
        """Evaluate the pictures at the end of a round."""
        if len(active.rows):
            success = self.offer(active.rows, active.z, active.knob.flatten())
            succeeded[active.rows[success]] = True

    def step(self, round_: int, active: int) -> Step:
        """The state after one more step."""
        self.number += 1
        return self.state(round_, active)

    def state(self, round_: int, active: int = 0) -> Step:
        return Step(
            round=round_,
            number=self.number,
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
