"""A loaded classifier of a panel of your own, and what is checked of it before it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import WeightsError


@dataclass(frozen=True)
class Part:
    """One classifier, or some with one size of input.

    names, class_names: as in `Classifiers`; size: (width, height) in pixels; predict: uint8
    N×height×width×3 -> logits float32 N×p×classes; description: which weights, where they run.
    """

    names: tuple[str, ...]
    class_names: tuple[tuple[str, ...], ...]
    size: tuple[int, int]
    predict: Callable[[np.ndarray], np.ndarray]
    description: str


def noise(size: tuple[int, int]) -> np.ndarray:
    """A picture for a trial: uint8 1×height×width×3; size: (width, height)."""
    return np.random.default_rng(0).integers(0, 256, (1, size[1], size[0], 3), np.uint8)


def trial_of(
    title: str, predict: Callable[[np.ndarray], np.ndarray], size: tuple[int, int]
) -> np.ndarray:
    """What a classifier predicts of `noise`, 1×classes, run twice.

    predict: uint8 N×height×width×3 -> array N×classes, at size (width, height). Raises
    WeightsError where the outputs are none of a classifier, not finite, or differ.
    """
    picture = noise(size)
    first, second = predict(picture), predict(picture)
    if first.ndim != 2 or len(first) != 1 or first.shape[1] < 2:
        raise WeightsError(
            f"{title} gives {'×'.join(map(str, first.shape)) or 'one number'} for one picture, not "
            "1×classes: give a classifier, its logits or probabilities the first output"
        )
    check_numbers(title, first)
    if not np.allclose(first, second, rtol=1e-3, atol=1e-4):
        raise WeightsError(
            f"{title} predicts something else of the same picture each time: export it for "
            "evaluation, not for training"
        )
    return first


def check_numbers(title: str, logits: np.ndarray) -> None:
    """Raise WeightsError where a prediction is not a number, or without a largest one."""
    if not (np.isfinite(logits.max(-1)).all() and not np.isnan(logits).any()):
        raise WeightsError(
            f"{title} predicts NaN or infinite values: check its weights and --input-range"
        )
