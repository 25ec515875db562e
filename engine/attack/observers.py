"""The models under attack: face recognisers behind dlib's alignment, a panel of classifiers.

Each gives logits n×V×K of pictures n×3×H×W in 0…1. For faces the views V are the versions
of the photo in which the cloak must hold (`engine.attack.transforms`), each with its own
alignment; K are the people of a gallery, or "the person", "someone else". Of several recognisers
the views of each follow those of the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..faces.chip import Chip
from ..faces.recognisers import RECOGNISERS
from ..networks.panel import Panel
from .alignment import extract
from .problem import Distort

Head = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class View:
    """A version of N pictures: how they are transformed, and where each one's chip lies then."""

    transform: Callable[[Tensor], Tensor]
    chips: tuple[Chip, ...]


def distances(descriptors: Tensor, others: Tensor) -> Tensor:
    """Euclidean, n×M×D against n×V×D -> n×V×M; the gradient is finite at 0."""
    apart = descriptors[:, :, None] - others[:, None]
    return apart.square().sum(3).add(1e-12).sqrt()


class ClosedSet:
    """Which of K people: logits are minus the distances to their centroids, over a temperature."""

    def __init__(self, centroids: np.ndarray, temperature: float):
        self.centroids = torch.from_numpy(np.asarray(centroids, np.float32))
        self.temperature = temperature

    def __call__(self, descriptors: Tensor, rows: Tensor) -> Tensor:
        """Embeddings n×V×D -> logits n×V×K."""
        centroids = self.centroids.to(descriptors)[None].expand(len(descriptors), -1, -1)
        return -distances(descriptors, centroids) / self.temperature


class Verification:
    """Is it the person? Logits n×V×2 of "the same", by the closest enrolled photo, and "other".

    enrolled: per picture its person's embeddings, float32 m×D; threshold: the distance up to
    which two are the same. A lead of 1 is a distance of `temperature` beyond the threshold.
    """

    def __init__(self, enrolled: list[np.ndarray], threshold: float, temperature: float):
        most = max(len(each) for each in enrolled)
        padded = [np.resize(each, (most, each.shape[1])) for each in enrolled]  # repeats rows
        self.enrolled = torch.from_numpy(np.stack(padded).astype(np.float32))
        self.threshold, self.temperature = threshold, temperature

    def __call__(self, descriptors: Tensor, rows: Tensor) -> Tensor:
        enrolled = self.enrolled.to(descriptors)[rows.cpu()]
        nearest = distances(descriptors, enrolled).amin(2)  # n×V
        same = (self.threshold - nearest) / self.temperature
        return torch.stack([same, torch.zeros_like(same)], 2)


class FaceObserver:
    """Photos (or equal parts of them) -> views -> chips -> embeddings -> the head's logits.

    network: of `engine.networks.faces.loading`, chips n×3×S×S to embeddings n×D; the views' chips
    have its framing (`engine.faces.recognisers`).
    """

    def __init__(self, network: nn.Module, views: list[View], head: Head):
        self.network, self.views, self.head = network, views, head

    def __call__(
        self,
        z: Tensor,
        rows: Tensor,
        distort: Distort | None = None,
        changed: dict[Callable, Tensor] | None = None,
    ) -> Tensor:
        """n×3×H×W -> n×V×K. changed: what transforms have made of z already; others are added."""
        changed, numbers = {} if changed is None else changed, rows.tolist()
        z = z.expand(-1, 3, -1, -1)  # black-and-white pictures have one channel
        parts = []
        for view in self.views:
            if view.transform not in changed:
                changed[view.transform] = view.transform(z)
            parts.append(extract(changed[view.transform], [view.chips[row] for row in numbers]))
        chips = torch.cat(parts)  # (V·n)×3×S×S
        if distort is not None:
            chips = distort(chips)
        embeddings = self.network(chips).view(len(self.views), len(z), -1).transpose(0, 1)
        return self.head(embeddings, rows)


class SeveralObservers:
    """Several recognisers at once, all to be fooled: logits n×(R·V)×K, one recogniser's first.

    A photo is transformed once for all of them where their views have the same transform. For an
    equal say of each, the heads' temperatures are the same share of their thresholds.
    """

    def __init__(self, observers: list[FaceObserver]):
        self.observers = observers
        self.views = [view for observer in observers for view in observer.views]

    def __call__(self, z: Tensor, rows: Tensor, distort: Distort | None = None) -> Tensor:
        changed: dict[Callable, Tensor] = {}
        return torch.cat([each(z, rows, distort, changed) for each in self.observers], 1)


def observe_with(
    networks: Mapping[str, nn.Module], views: list[View], heads: Mapping[str, Head]
) -> SeveralObservers:
    """All recognisers of `heads` on the same views. networks: by name, those at least.

    The views' chips may have any framing: each recogniser is given its own of the same faces.
    """
    observers = []
    for name, head in heads.items():
        framing = RECOGNISERS[name].framing
        own = [
            View(view.transform, tuple(chip.framed(framing) for chip in view.chips))
            for view in views
        ]
        observers.append(FaceObserver(networks[name], own, head))
    return SeveralObservers(observers)


class PanelObserver:
    """Pictures at the panel's own size; the views are its classifiers, all to be fooled."""

    def __init__(self, panel: Panel):
        self.panel = panel

    def __call__(self, z: Tensor, rows: Tensor, distort: Distort | None = None) -> Tensor:
        return self.panel.logits(distort(z) if distort is not None else z)
