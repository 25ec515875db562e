"""The photos, the classifiers under attack, and one batch of a row, as one process holds them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from engine.attack.loop import Search
from engine.attack.observers import PanelObserver
from engine.attack.problem import Problem
from engine.images.picture import to_batch
from engine.models.registry import HUMAN_DEFAULT
from engine.networks.panel import Panel as Networks
from engine.networks.photo.panel import MEMBERS, stored_photo_panel
from engine.panels.embedded import Panel

from ...data.labelled import DataError
from ...data.photographs import Photographs, load_photographs
from ...train.photo.pictures import HELD_OUT
from ..cloak.classifier_attack import distorted, eye
from ..cloak.metrics import viewed, visible
from .plan import PANEL, SEED, Row, targets

MARGIN = 0.01  # of the logits: the graphs round otherwise than PyTorch
REPORTED = HUMAN_DEFAULT  # the eye by which beyond_jnd_share is given, of every row


@dataclass(frozen=True)
class Setting:
    """What every process needs to know. count: of photos; threads: of PyTorch."""

    data: Path
    weights: Path | None
    count: int
    threads: int


@dataclass(frozen=True)
class Chosen:
    """Photos as the panel sees them, uint8 N×224×224×3, and its labels, int64 N×P."""

    pixels: np.ndarray
    labels: np.ndarray
    source: str
    passed_over: int  # photos before the last of them on which the panel disagrees or errs


def chosen(photos: Photographs, panel: Panel, count: int) -> Chosen:
    """The first photos that every classifier labels alike, and rightly where labels are known.

    Raises DataError where there is none.
    """
    pixels, labels, seen = [], [], 0
    for photo in photos.photos:
        if len(pixels) == count:
            break
        seen += 1
        view = panel.view(photo.pixels[None])
        own = panel.predict_labels(view)[0]
        truth = own[0] if photo.label is None else photo.label
        if (own == truth).all():
            pixels.append(view[0])
            labels.append(own)
    if not pixels:
        raise DataError(f"{photos.source}: the classifiers agree on none of the photos")
    return Chosen(np.stack(pixels), np.stack(labels), photos.source, seen - len(pixels))


class Bench:
    """The photos of a setting, and what attacks and judges them."""

    def __init__(self, setting: Setting):
        torch.set_num_threads(setting.threads)
        self.panel = Panel("photos", weights=setting.weights, device="cpu")
        photos = load_photographs(setting.data, last_of_train=HELD_OUT)
        self.photos = chosen(photos, self.panel, setting.count)
        networks = stored_photo_panel(setting.weights).classifiers
        self.networks = dict(zip(PANEL, (networks[name] for name in MEMBERS), strict=True))
        self.targets = targets(self.photos.labels[:, 0], len(self.panel.classes))
        self.thresholds: dict[tuple[str, int], np.ndarray] = {}

    def threshold(self, jnd: str, number: int) -> np.ndarray:
        """J of a photo, float32 224×224×3 in 8-bit levels; computed once."""
        if (jnd, number) not in self.thresholds:
            pixels = self.photos.pixels[number : number + 1]
            self.thresholds[jnd, number] = eye(pixels, jnd)[0]
        return self.thresholds[jnd, number]

    def problem(self, line: Row, numbers: list[int]) -> Problem:
        """These photos, with the goal of a row and the classifiers that are to be deceived."""
        under_attack = Networks({each: self.networks[each] for each in line.attacked})
        labels = self.photos.labels[numbers][:, [PANEL.index(each) for each in line.attacked]]
        if line.targeted:
            labels = np.broadcast_to(self.targets[numbers][:, None], labels.shape)
        jnd = np.stack([self.threshold(line.jnd, number) for number in numbers])
        return Problem(
            clean=torch.from_numpy(to_batch(self.photos.pixels[numbers])),
            threshold=torch.from_numpy(to_batch(jnd)),
            observer=PanelObserver(under_attack.to(memory_format=torch.channels_last)),
            labels=torch.from_numpy(labels.copy()),
            targeted=line.targeted,
            margin=MARGIN,
        )

    def batch(self, line: Row, numbers: list[int]) -> list[dict]:
        """These photos, attacked together; what the graphs predict of each PNG."""
        search = Search(self.problem(line, numbers), line.choices, SEED)
        decoded, seconds = distorted(search, max_gradients=line.budget)
        after = self.panel.predict_labels(decoded)
        if line.targeted:
            deceived = after == self.targets[numbers][:, None]
        else:
            deceived = after != self.photos.labels[numbers]
        results = []
        for place, number in enumerate(numbers):
            reached = dict(zip(PANEL, deceived[place].tolist(), strict=True))
            result = {
                "photo": number,
                "success": all(reached[each] for each in line.attacked),
                "transfer": {name: reached[name] for name in PANEL if name not in line.attacked},
                "gradients": int(search.gradients[place]),
                "seconds": seconds / len(numbers),
            }
            if result["success"]:
                before = self.photos.pixels[number]
                result |= visible(before, decoded[place], self.threshold(REPORTED, number))
                result["jod"] = viewed(before, decoded[place])
            results.append(result)
        return results


@cache
def bench(setting: Setting) -> Bench:
    return Bench(setting)
