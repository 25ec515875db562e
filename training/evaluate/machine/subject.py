"""What the machine's evaluation is of: the shipped models, and the pictures that they distort."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from engine.machine.jnd import MachineJND
from engine.models.registry import BEST, GENERATORS, PANEL

from ...data.labelled import LabelledImages, load
from ...records.keys import digest_of
from ...records.shipped import present, unseen
from .measure import Distortion, Predictions, distort, panel_labels, predict

TRAINED = 10_000  # training images that are measured, the first; of the test images all


class Subject:
    """The models and pictures of one evaluation; what several sections need is made once."""

    def __init__(self, data: str, weights: Path | None, count: int | None):
        self.data, self.weights, self.count = data, weights, count
        self.generators = present(weights)
        self.best = BEST if BEST in self.generators else self.generators[0]
        self.machines = {
            name: MachineJND(weights=weights, device="cpu", generator=name)
            for name in self.generators
        }
        self.panel = self.machines[self.best]
        self.unseen = unseen(weights)
        generators = (GENERATORS[name] for name in self.generators)
        self.models = (*PANEL, *generators, *self.unseen)
        self.source = self.pictures("test").source

    # One subject lives as long as the process.
    @cache  # noqa: B019
    def pictures(self, split: str) -> LabelledImages:
        most = TRAINED if split == "train" else None
        return load(self.data, split).first(self.count or most)

    @cache  # noqa: B019
    def digest(self, split: str) -> str:
        """What identifies the pictures of a split in the store's keys."""
        return digest_of(self.pictures(split).images)

    @cache  # noqa: B019
    def clean(self, split: str) -> Predictions:
        """The panel's predictions for the images of a split, and these."""
        return predict(self.panel, self.pictures(split).images)

    @cache  # noqa: B019
    def distorted(self, name: str, split: str) -> Distortion:
        """The images of a split, each as one generator changes it."""
        return distort(self.machines[name], self.clean(split))

    @cache  # noqa: B019
    def matches(self, name: str, split: str) -> np.ndarray:
        """Bool N×P: which labels stay the same under one generator's full change."""
        clean, pixels = self.clean(split), self.distorted(name, split).pixels
        return panel_labels(self.machines[name], pixels) == clean.labels
