"""Pictures on which the panel disagrees: mixtures of two training images.

The classifiers agree on nearly all images they were trained on, and on some 85 % of others. What
a conditioned generator needs to see besides, disagreement, is found where two images are mixed
about half and half: each classifier's label and CAM of those are real.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.networks.panel import Panel

from ...data.labelled import LabelledImages
from .predictions import panel_predictions

SHARES = (0.35, 0.65)  # between which the first image's share lies


def mixed(data: LabelledImages, count: int, seed: int) -> LabelledImages:
    """`count` mixtures of two images each, uint8 as they are."""
    random = np.random.default_rng(seed)
    first, second = random.integers(len(data), size=(2, count))
    share = random.uniform(*SHARES, size=(count, 1, 1, 1)).astype(np.float32)
    mixture = share * data.images[first] + (1 - share) * data.images[second]
    images = np.rint(mixture).astype(np.uint8)
    return LabelledImages(images, data.labels[first], f"{data.source}, mixed")


def joined(first: LabelledImages, second: LabelledImages) -> LabelledImages:
    """One after the other."""
    images = np.concatenate([first.images, second.images])
    labels = np.concatenate([first.labels, second.labels])
    return LabelledImages(images, labels, f"{first.source} and {second.source}")


def ambiguous(
    panel: Panel,
    train: LabelledImages,
    count: int,
    seed: int,
    runs: Path,
    device: torch.device,
) -> tuple[LabelledImages, dict[str, Tensor]]:
    """Mixtures of which the panel disagrees, of `count` tried, and its predictions for them.

    A mixture's label is the first image's; no generator is given it.
    """
    tried = mixed(train, count, seed)
    predictions = panel_predictions(panel, tried, "mixed", runs, device)
    split = (predictions["labels"] != predictions["labels"][:, :1]).any(1)
    rows = split.numpy()
    chosen = LabelledImages(tried.images[rows], tried.labels[rows], tried.source)
    return chosen, {key: value[split] for key, value in predictions.items()}
