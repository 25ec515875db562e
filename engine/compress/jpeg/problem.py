"""A photo as a JPEG's coefficients: the file, what the panel predicts of it, and slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...images.picture import decode
from ...machine.refine import Differentiable
from ...panels.aim import Aim
from ..kept import Kept
from .file import written
from .layout import Layout, Planes
from .resizing import unresized

LARGEST = 1023  # of a quantised coefficient, as libjpeg allows


@dataclass(frozen=True)
class State:
    """Where a search stands.

    coefficients: whole numbers, each plane rows×columns×8×8; data: their file; pixels: as it is
    decoded, uint8 H×W×3; logits: P×classes of that; margins: P, by how many logits each member
    keeps what it must, below zero where it does not.
    """

    coefficients: Planes
    data: bytes
    pixels: np.ndarray
    logits: np.ndarray
    margins: np.ndarray

    @property
    def holds(self) -> bool:
        """Whether every member keeps what it must."""
        return bool((self.margins > 0).all())


class Problem:
    """What is searched: coefficients of one photo, quantised by given tables.

    kept: what its files must keep; panel: the same classifiers with gradients; tables: int 8×8 in
    1…255 of Y and of chroma.
    """

    def __init__(self, kept: Kept, panel: Differentiable, tables: Sequence[np.ndarray]):
        self.kept, self.panel = kept, panel
        self.layout = Layout(*kept.pixels.shape[:2])
        self.tables = tables
        self.steps = (tables[0], tables[1], tables[1])  # of each plane

    def begin(self) -> Planes:
        """The photo's own coefficients, rounded as a plain encoder does."""
        whole = self.layout.encoded(self.kept.pixels)
        return tuple(np.rint(p / step) for p, step in zip(whole, self.steps, strict=True))

    def look(self, coefficients: Planes) -> State:
        """The file of some coefficients, decoded by a reader, and what the panel predicts of it."""
        coefficients = tuple(np.clip(plane, -LARGEST, LARGEST) for plane in coefficients)
        data = written(coefficients, self.tables, self.layout)
        pixels = decode(data).pixels
        logits = self.kept.logits(pixels)
        return State(coefficients, data, pixels, logits, margins(self.kept.aim, logits))

    def slopes(self, state: State, weights: np.ndarray) -> Planes:
        """The gradient of the members' log-odds, by weights P, by each coefficient.

        A pixel that is black or white has none in the direction in which it is clipped.
        """
        pulls = self.kept.aim.slopes(state.logits) * weights[:, None]
        view = self.panel.view(state.pixels[None])
        gradient = self.panel.gradient(view, pulls.astype(np.float32)).sum(0) / 255
        gradient = unresized(gradient.transpose(1, 2, 0), *state.pixels.shape[:2])
        clipped = (state.pixels == 0) & (gradient < 0) | (state.pixels == 255) & (gradient > 0)
        planes = self.layout.adjoint(np.where(clipped, 0, gradient))
        return tuple(plane * step for plane, step in zip(planes, self.steps, strict=True))


def margins(aim: Aim, logits: np.ndarray) -> np.ndarray:
    """Logits P×classes -> P, above zero where a member keeps what it must; inf for no member."""
    own, rest = (each[0] for each in aim.parted(logits[None]))
    margin = own - aim.rival(rest)
    if aim.share is not None:
        margin = np.minimum(margin, aim.odds(logits[None])[0] - aim.bounds()[0])
    counts = np.isin(np.arange(len(margin)), list(aim.members))
    return np.where(counts, margin, np.inf)
