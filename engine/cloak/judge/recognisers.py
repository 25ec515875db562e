"""The recognisers that a cloak is against: each twice, with a gradient and without PyTorch.

A search follows the networks of `engine.networks.faces`; what it finds is confirmed by dlib's own
C++ network and by the other recognisers in ONNX Runtime.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...faces.finder import Face, FaceFinder
from ...faces.recognisers import RECOGNISERS

if TYPE_CHECKING:
    from torch import nn

Embeddings = dict[str, np.ndarray]  # by recogniser


@dataclass(frozen=True)
class Recognisers:
    """dlib's detector, and the networks, by the names of `engine.faces.recognisers`.

    weights: of what confirms, as in `engine.models.locate.locate`.
    """

    finder: FaceFinder
    networks: Mapping[str, nn.Module]
    weights: str | os.PathLike | None = None

    def chips(self, pixels: np.ndarray, face: Face) -> Embeddings:
        """The face in uint8 H×W×3 as each recogniser is given it, uint8 S×S×3."""
        return {name: RECOGNISERS[name].chip(self.finder, pixels, face) for name in self.networks}

    def ported(self, chips: Embeddings) -> Embeddings:
        """Their embeddings by the networks with a gradient, float32 D."""
        return {
            name: network.describe(chips[name][None])[0] for name, network in self.networks.items()
        }

    def confirmed(self, chips: Embeddings) -> Embeddings:
        """Their embeddings without PyTorch, float32 D."""
        return {
            name: RECOGNISERS[name].describe_chip(self.finder, chips[name], self.weights)
            for name in self.networks
        }

    def describe(self, pixels: np.ndarray, face: Face) -> Embeddings:
        """The face's embeddings without PyTorch, float32 D."""
        return self.confirmed(self.chips(pixels, face))
