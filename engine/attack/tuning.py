"""A knob per picture, from round to round: the smallest that succeeds, or the paper's schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


class Knobs:
    """The knobs of N pictures: knob float32 N, open bool N (worth another round)."""

    def __init__(self, tuning: Tuning, count: int, device: torch.device):
        self.tuning = tuning
        self.knob = torch.full((count,), tuning.first, device=device)
        self.open = torch.ones(count, dtype=torch.bool, device=device)
        self.low = torch.zeros(count, device=device)
        self.high = torch.full((count,), float("inf"), device=device)

    def update(self, won: Tensor) -> None:
        self.tuning.update(self, won)

    def after(self, knob: Tensor, failed: Tensor) -> None:
        """Begin with what the search before has shown: knob N succeeded, failed N did not.

        What failed there is not tried again; 0 where nothing did.
        """
        self.knob, self.low = knob.clone(), failed.clone()


@dataclass(frozen=True)
class Tuning(ABC):
    """first: the knob of the first round; rounds: at most that many."""

    first: float = 0.0
    rounds: int = 1

    def begin(self, count: int, device: torch.device) -> Knobs:
        return Knobs(self, count, device)

    @abstractmethod
    def update(self, knobs: Knobs, won: Tensor) -> None:
        """The next knob of each picture after a round that `won` (bool N) or not."""


@dataclass(frozen=True)
class Once(Tuning):
    """One round; nothing is tuned."""

    def update(self, knobs: Knobs, won: Tensor) -> None:
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

    def update(self, knobs: Knobs, won: Tensor) -> None:
        tried, open_ = knobs.knob, knobs.open.clone()
        knobs.high = torch.where(open_ & won, torch.minimum(tried, knobs.high), knobs.high)
        knobs.low = torch.where(open_ & ~won, torch.maximum(tried, knobs.low), knobs.low)
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
    """The paper's schedule (eqs 8-9): on failure β ← β - by, down to 0; success ends it."""

    by: float = 1.0

    def update(self, knobs: Knobs, won: Tensor) -> None:
        knobs.open = knobs.open & ~won & (knobs.knob > 0)
        knobs.knob = torch.where(knobs.open, knobs.knob - self.by, knobs.knob).clamp(min=0)
