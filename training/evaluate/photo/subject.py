"""What is evaluated on photos: the panel and its generator, classifiers outside it, the photos."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from engine.errors import WeightsError
from engine.images.picture import resized, to_batch
from engine.machine.jnd import MachineJND
from engine.machine.refine import mended
from engine.metrics.decibels import finite
from engine.metrics.quality import psnr_8bit
from engine.models.locate import Located, sha256_of
from engine.models.registry import BEST, PANELS
from engine.models.session import Session
from engine.panels.aim import Aim
from engine.panels.embedded import Predictions
from engine.panels.predicted import softmax

from ...data.labelled import DataError
from ...data.photographs import Photograph, Photographs
from ...records.keys import digest_of

PHOTOS = PANELS["photos"]
GENERATOR = PHOTOS.generators[BEST]
MODELS = (*PHOTOS.members, GENERATOR)


@dataclass
class Block:
    """Some photos in a row, and what is known of them before they are distorted.

    at: numbers of the first and past the last among all; views uint8 N×224×224×3, as the panel is
    given them; clean: its predictions; before float32 N×M×1000: probabilities of the M machines,
    the panel's members and those outside it; changes: E by (strength, keep, refined), made once.
    """

    at: tuple[int, int]
    photos: tuple[Photograph, ...]
    views: np.ndarray
    clean: Predictions
    before: np.ndarray
    changes: dict[tuple[float, bool, bool], np.ndarray] = field(default_factory=dict)

    @property
    def labels(self) -> np.ndarray:
        """int64 N×M: each machine's own top-1 label of each clean photo."""
        return self.before.argmax(2)


class Subject:
    """The models and photos of one evaluation.

    weights: as `MachineJND` takes them; unseen: a folder of ONNX classifiers (`image` float32
    N×3×224×224 in 0…1 to `logits` N×1000), or None. Raises DataError, WeightsError.
    """

    def __init__(self, photos: Photographs, weights: Path | None, unseen: Path | None):
        self.photos, self.weights = photos, weights
        self.machine = MachineJND(panel="photos", weights=weights, device="cpu")
        files = sorted(unseen.glob("*.onnx")) if unseen is not None else []
        self.unseen = {path.stem: opened(path) for path in files}
        self.members = self.machine.panel.classifiers
        self.machines = (*self.members, *self.unseen)
        self._block: Block | None = None

    def __len__(self) -> int:
        return len(self.photos)

    # One subject lives as long as the process.
    @cache  # noqa: B019
    def digest(self, start: int, stop: int) -> str:
        """What identifies these photos in a key: their pixels, sizes, labels and order."""
        chosen = self.photos.photos[start:stop]
        labels = np.array([-1 if each.label is None else each.label for each in chosen], np.int64)
        return digest_of([*(each.pixels for each in chosen), labels])

    def view(self, pixels: list[np.ndarray]) -> np.ndarray:
        """Photos uint8 H×W×3 of any sizes -> uint8 N×224×224×3, as classifiers are given them."""
        return np.concatenate([self.machine.panel.view(each[None]) for each in pixels])

    def probabilities(
        self, views: np.ndarray, members: np.ndarray, *, outside: bool = True
    ) -> np.ndarray:
        """float32 N×M×1000, the panel's members first.

        members: their logits N×P×1000; outside: the machines outside the panel are given the views
        as well, else there are the members alone.
        """
        sessions = self.unseen.values() if outside else ()
        batch = to_batch(views)
        others = [session.run(image=batch)[0][:, None] for session in sessions]
        return softmax(np.concatenate([members, *others], 1))

    def block(self, start: int, stop: int) -> Block:
        """The photos start … stop - 1; the last one that was asked for is kept."""
        if self._block is None or self._block.at != (start, stop):
            photos = self.photos.photos[start:stop]
            views = self.view([photo.pixels for photo in photos])
            clean = self.machine.panel.predictions(views)
            before = self.probabilities(views, clean.logits)
            self._block = Block((start, stop), photos, views, clean, before)
        return self._block

    def change(
        self, block: Block, strength: float, keep: bool, refined: bool = False
    ) -> np.ndarray:
        """E of a block, unverified: float32 N×3×224×224 on the 0…1 scale.

        keep: it is to leave the confidence as it is too; refined: mended by gradient steps.
        """
        key = (strength, keep, refined)
        if key not in block.changes:
            machine = self.machine
            change = machine.generator.change(
                block.views,
                block.clean.logits,
                block.clean.cams,
                strength,
                evidence=block.clean.evidence,
                keep_confidence=keep,
            )
            if refined:
                aims = [Aim(logits, range(len(logits)), keep) for logits in block.clean.logits]
                change = np.concatenate(
                    [
                        mended(machine.panel, photo.pixels, own[None], aim)
                        for photo, own, aim in zip(block.photos, change, aims, strict=True)
                    ]
                )
            block.changes[key] = change
        return block.changes[key]

    def judged(
        self, block: Block, distorted: list[np.ndarray], *, outside: bool = True
    ) -> list[dict]:
        """What each machine makes of distorted photos uint8 H×W×3, the block's.

        outside: as in `probabilities`. psnr_db: of the 8-bit photo at its own size, None where it
        is unchanged; same: whether each machine keeps its label; before, after: its probability of
        the label that it gave the clean photo.
        """
        views = self.view(distorted)
        after = self.probabilities(
            views, self.machine.panel.predictions(views).logits, outside=outside
        )
        before = block.before[:, : after.shape[1]]
        labels = before.argmax(2)
        own = np.take_along_axis(after, labels[..., None], 2)[..., 0]
        return [
            {
                "psnr_db": finite(psnr_8bit(photo.pixels, pixels), 6),
                "same": (after[row].argmax(1) == labels[row]).tolist(),
                "before": rounded(before[row].max(1)),
                "after": rounded(own[row]),
            }
            for row, (photo, pixels) in enumerate(zip(block.photos, distorted, strict=True))
        ]


def enlarged(change: np.ndarray, photo: Photograph) -> np.ndarray:
    """E float32 3×h×w at the panel's size -> 1×3×H×W at the photo's."""
    height, width = photo.pixels.shape[:2]
    return resized(change[None], width, height)


def rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]


def opened(path: Path) -> Session:
    """A classifier of somebody else. Raises DataError where it has another contract."""
    try:
        session = Session(Located(path, "unseen", sha256_of(path)), "cpu")
        shape = session.run(image=np.zeros((2, 3, PHOTOS.size, PHOTOS.size), np.float32))[0].shape
    except (KeyError, WeightsError) as error:
        raise DataError(f"{path} maps no `image` to logits: {error}") from None
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise DataError(f"{path} does not take two pictures at 224×224: {error}") from None
    if shape != (2, PHOTOS.classes):
        raise DataError(f"{path} gives {shape} for two pictures, not {(2, PHOTOS.classes)}")
    return session
