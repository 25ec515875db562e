"""A photo as a JPEG's coefficients: the file, what the panel predicts of it, and slopes."""

from __future__ import annotations

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
    decoded, uint8 h×w×3; logits: P×classes of that; margins: P, by how many logits each member
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
    """What is searched: coefficients of one photo, quantised by one table.

    kept: what its files must keep; panel: the same classifiers with gradients; pixels: the photo at
    the resolution of the file, uint8 h×w×3; table: int 8×8 in 1…255 of all planes, for a second one
    costs 65 bytes.
    """

    def __init__(self, kept: Kept, panel: Differentiable, pixels: np.ndarray, table: np.ndarray):
        self.kept, self.panel, self.table = kept, panel, table
        self.layout = Layout(*pixels.shape[:2])
        self.whole = tuple(plane / table for plane in self.layout.encoded(pixels))

    def begin(self) -> State:
        """The photo's own coefficients, rounded as a plain encoder does."""
        return self.look(tuple(np.rint(plane) for plane in self.whole))

    def look(self, coefficients: Planes) -> State:
        """The file of some coefficients, decoded by a reader, and what the panel predicts of it."""
        coefficients = tuple(np.clip(plane, -LARGEST, LARGEST) for plane in coefficients)
        data, pixels = self.file(coefficients)
        logits = self.kept.logits(pixels)
        return State(coefficients, data, pixels, logits, margins(self.kept.aim, logits))

    def file(self, coefficients: Planes) -> tuple[bytes, np.ndarray]:
        """The bytes of the file, and the pixels that a reader has of it, uint8 h×w×3."""
        data = written(coefficients, (self.table, self.table), self.layout)
        return data, decode(data).pixels

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
        return tuple(plane * self.table for plane in planes)

    def likeness(self, state: State) -> Planes:
        """The gradient of minus half the squared error of the planes, by each coefficient."""
        planes = zip(self.whole, state.coefficients, strict=True)
        return tuple((whole - plane) * self.table**2 for whole, plane in planes)

    def gains(self, state: State) -> tuple[Planes, Planes]:
        """By how much minus half the squared error of the planes grows where each coefficient is
        raised by one, and where it is lowered."""
        curvature = self.table.astype(float) ** 2
        slopes = self.likeness(state)
        raised = tuple(slope - curvature / 2 for slope in slopes)
        return raised, tuple(-slope - curvature / 2 for slope in slopes)


def margins(aim: Aim, logits: np.ndarray) -> np.ndarray:
    """Logits P×classes -> P, above zero where a member keeps what it must; inf for no member."""
    own, rest = (each[0] for each in aim.parted(logits[None]))
    margin = own - aim.rival(rest)
    if aim.share is not None:
        margin = np.minimum(margin, aim.odds(logits[None])[0] - aim.bounds()[0])
    counts = np.isin(np.arange(len(margin)), list(aim.members))
    return np.where(counts, margin, np.inf)
