"""A knob per picture, from round to round: the smallest that succeeds, or the paper's schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


class Knobs:
    """The knobs of N pictures: knob float32 N, open bool N (worth another round).

    low, high float32 N: between which the knob is looked for.
    """

    def __init__(self, tuning: Tuning, count: int, device: torch.device):
        self.tuning = tuning
        self.knob = torch.full((count,), tuning.first, device=device)
        self.open = torch.ones(count, dtype=torch.bool, device=device)
        self.low = torch.zeros(count, device=device)
        self.high = torch.full((count,), float("inf"), device=device)

    def update(self, success: Tensor) -> None:
        self.tuning.update(self, success)

    def after(self, knob: Tensor, low: Tensor) -> None:
        """Begin with the result of the search before: knob N of its best, low N where it ended.

        What failed there is not tried again.
        """
        self.tuning.resume(self, knob, low)


@dataclass(frozen=True)
class Tuning(ABC):
    """first: the knob of the first round; rounds: at most that many."""

    first: float = 0.0
    rounds: int = 1

    def begin(self, count: int, device: torch.device) -> Knobs:
        return Knobs(self, count, device)

    def resume(self, knobs: Knobs, knob: Tensor, low: Tensor) -> None:
        """See `Knobs.after`."""
        knobs.knob, knobs.low = knob.clone(), low.clone()

    @abstractmethod
    def update(self, knobs: Knobs, success: Tensor) -> None:
        """The next knob of each picture after a round that succeeded (`success` bool N)."""


@dataclass(frozen=True)
class Once(Tuning):
    """One round; nothing is tuned."""

    def update(self, knobs: Knobs, success: Tensor) -> None:
        knobs.open[:] = False


@dataclass(frozen=True)
class Bisect(Tuning):
    """The smallest knob that succeeds: times `factor` until one does, then bisection.

    limit: no larger one is tried; precise: a picture is finished once its smallest success is
    below this multiple of its largest failure; unit: only multiples of it are tried. Bisection is
    geometric.
    """

    rounds: int = 8
    factor: float = 2.0
    limit: float = float("inf")
    precise: float = 1.05
    unit: float | None = None

    def update(self, knobs: Knobs, success: Tensor) -> None:
        tried, open_ = knobs.knob, knobs.open.clone()
        knobs.high = torch.where(open_ & success, torch.minimum(tried, knobs.high), knobs.high)
        knobs.low = torch.where(open_ & ~success, torch.maximum(tried, knobs.low), knobs.low)
        low, high = knobs.low, knobs.high
        grown = torch.where(high.isinf(), low * self.factor, (low * high).sqrt())
        knob = torch.where(low == 0, high / self.factor, grown).clamp(max=self.limit)
        if self.unit is not None:
            knob = (knob / self.unit - 1e-3).ceil() * self.unit
        knobs.knob = knob
        hopeless = high.isinf() & (low >= self.limit)
        known = (knob > high * 0.999) | (knob < low * 1.001)
        knobs.open = open_ & ~hopeless & ~known & (high > low * self.precise)


@dataclass(frozen=True)
class Lower(Tuning):
    """The paper's schedule (eqs 8-9): on failure β ← β - by, down to 0; success ends it.

    The same βs, first, first - by, …, 0, but not one after the other: a larger β never makes
    success easier, so that bisection finds the first that succeeds. low is the largest β that
    did, high the smallest that did not.
    """

    rounds: int = 8
    by: float = 1.0

    def begin(self, count: int, device: torch.device) -> Knobs:
        knobs = super().begin(count, device)
        knobs.low.fill_(-self.by)
        knobs.high.fill_(self.first + self.by)
        return knobs

    def resume(self, knobs: Knobs, knob: Tensor, low: Tensor) -> None:
        """From the largest β that succeeded before, which need not be the best picture's."""
        knobs.knob, knobs.high = low.clamp(min=0), low + self.by

    def update(self, knobs: Knobs, success: Tensor) -> None:
        tried, open_ = knobs.knob, knobs.open
        knobs.low = torch.where(open_ & success, tried, knobs.low)
        knobs.high = torch.where(open_ & ~success, tried, knobs.high)
        knobs.open = open_ & (knobs.high - knobs.low > 1.5 * self.by)
        middle = ((knobs.low + knobs.high) / 2 / self.by).floor() * self.by
        knobs.knob = torch.where(knobs.open, middle.clamp(min=0), tried)
