"""Distances between people of LFW, and the share of errors at a threshold."""

from __future__ import annotations

import numpy as np


def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Euclidean distances of n×D to m×D, float32 n×m."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    return np.sqrt(np.maximum(squares, 0))


def between(embeddings: np.ndarray, people: list[str]) -> np.ndarray:
    """The distances of all pairs of photos that show different people, float32, one-dimensional."""
    names = np.array(people)
    different = np.triu(names[:, None] != names[None], 1)
    return apart(embeddings, embeddings)[different]


def threshold_at(distances: np.ndarray, share: float) -> float:
    """The threshold below which this share of the distances lies."""
    return float(np.quantile(distances, share))


def area(same: np.ndarray, different: np.ndarray) -> float:
    """Under the receiver operating characteristic: how often a same pair is closer than another."""
    ordered = np.sort(different)
    below = np.searchsorted(ordered, same, "right") + np.searchsorted(ordered, same, "left")
    return float(1 - (below / 2).mean() / len(ordered))
