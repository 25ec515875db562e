"""Who is enrolled, and what counts as a success against them: descriptors only, no pixels.

A closed-set gallery answers "which of these people", by the closest centroid; verification
decides "the same person or not", by the distance to enrolled photos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import EngineError
from .finder import SAME

LEAST = 0.02  # temperature


def apart(descriptor: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Euclidean distances of …×128 to m×128 -> …×m."""
    return np.linalg.norm(descriptor[..., None, :] - others, axis=-1)


@dataclass(frozen=True)
class Gallery:
    """K enrolled people: names, centroids float32 K×128, temperature of the softmax."""

    names: tuple[str, ...]
    centroids: np.ndarray
    temperature: float = 0.05

    @classmethod
    def enrol(cls, people: dict[str, np.ndarray]) -> Gallery:
        """Descriptors m×128 per person -> their centroids. Raises EngineError below two people."""
        if len(people) < 2:
            raise EngineError(f"a gallery needs two people or more, not {len(people)}: enrol more")
        centroids = np.stack([found.mean(0) for found in people.values()]).astype(np.float32)
        return cls(tuple(people), centroids)

    def logits(self, descriptors: np.ndarray) -> np.ndarray:
        """n×128 -> n×K: minus the distance to each centroid, over the temperature."""
        return -apart(descriptors, self.centroids) / self.temperature

    def identify(self, descriptors: np.ndarray) -> np.ndarray:
        """n×128 -> index of the person, int64 n."""
        return self.logits(descriptors).argmax(-1)

    def calibrated(self, descriptors: np.ndarray, labels: np.ndarray) -> Gallery:
        """The same gallery, its temperature the likeliest for these other photos of its people.

        Searches 0.02…1 in steps of a fiftieth (Guo et al. 2017: temperature scaling). Where all
        are identified the likeliest is 0, so that the least, 0.02, is taken: `LEAST`.
        """
        distances = apart(descriptors, self.centroids)

        def loss(temperature: float) -> float:
            logits = -distances / temperature
            top = logits.max(1)
            mass = top + np.log(np.exp(logits - top[:, None]).sum(1))
            return float((mass - logits[np.arange(len(labels)), labels]).mean())

        tried = np.geomspace(LEAST, 1, 200)
        return Gallery(self.names, self.centroids, float(min(tried, key=loss)))


@dataclass(frozen=True)
class Identity:
    """Goal: be identified as `label` of the gallery (targeted), or as anyone else."""

    gallery: Gallery
    label: int
    targeted: bool

    def reached(self, descriptor: np.ndarray) -> bool:
        return bool((self.gallery.identify(descriptor[None])[0] == self.label) == self.targeted)

    def distance(self, descriptor: np.ndarray) -> float:
        """To the label's centroid."""
        return float(apart(descriptor, self.gallery.centroids[self.label][None])[0])


@dataclass(frozen=True)
class Matching:
    """Goal: match one of these enrolled descriptors m×128 (targeted), or none of them."""

    enrolled: np.ndarray
    targeted: bool = False
    threshold: float = SAME

    def reached(self, descriptor: np.ndarray) -> bool:
        return (self.distance(descriptor) < self.threshold) == self.targeted

    def distance(self, descriptor: np.ndarray) -> float:
        """To the closest enrolled photo."""
        return float(apart(descriptor, self.enrolled).min())


@dataclass(frozen=True)
class EveryGoal:
    """Goals against several recognisers, by their names, all to be reached; of one kind.

    What it is given are embeddings by name, of these recognisers at least.
    """

    goals: dict[str, Identity | Matching]

    @property
    def targeted(self) -> bool:
        return next(iter(self.goals.values())).targeted

    def reached(self, embeddings: Mapping[str, np.ndarray]) -> bool:
        return all(goal.reached(embeddings[name]) for name, goal in self.goals.items())

    def distance(self, embeddings: Mapping[str, np.ndarray]) -> float:
        """The first recogniser's."""
        name, goal = next(iter(self.goals.items()))
        return goal.distance(embeddings[name])

    def distances(self, embeddings: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Each recogniser's."""
        return {name: goal.distance(embeddings[name]) for name, goal in self.goals.items()}


Goal = Identity | Matching | EveryGoal


def every(goal: Goal) -> EveryGoal:
    """A goal as one against several recognisers: against dlib's alone where none is named."""
    return goal if isinstance(goal, EveryGoal) else EveryGoal({"dlib": goal})
