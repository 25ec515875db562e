"""The human JND of a photo as a threshold map, computed once and only where it is needed."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from ..images.parts import Box, grown, holds

ThresholdModel = Callable[[np.ndarray], np.ndarray]
WHOLE = 1_000_000  # pixels; the threshold of a photo up to here is computed at once
NEARBY = 128  # pixels around a part that its threshold is computed with, where the photo is larger


def threshold_model(
    model: str, weights: str | os.PathLike | None = None, device: str = "auto"
) -> ThresholdModel:
    """A human JND by name, as a function: photo uint8 H×W×3 -> float32 H×W×3 in 8-bit levels.

    weights, device: as `engine.human.human_jnd` takes them.
    """
    from .. import human_jnd

    return lambda pixels: human_jnd(pixels, model=model, weights=weights, device=device)


class ThresholdMap:
    """The threshold of a photo uint8 H×W×3, of those parts that are needed, remembered."""

    def __init__(self, model: ThresholdModel, pixels: np.ndarray):
        self._model, self._pixels = model, pixels
        self._known: list[tuple[Box, np.ndarray]] = []

    def part(self, box: Box | None = None) -> np.ndarray:
        """J of the photo between (left, top, right, bottom), by default all of it: float32 h×w×3.

        In 8-bit levels. Of a huge photo only the box and what lies around it is computed.
        """
        height, width = self._pixels.shape[:2]
        whole = (0, 0, width, height)
        box = whole if box is None else box
        if not any(holds(known, box) for known, _ in self._known):
            around = grown(box, NEARBY, width, height) if width * height > WHOLE else whole
            left, top, right, bottom = around
            part = np.ascontiguousarray(self._pixels[top:bottom, left:right])
            self._known.append((around, np.asarray(self._model(part), np.float32)))
        (left, top, *_), values = next(each for each in self._known if holds(each[0], box))
        return values[box[1] - top : box[3] - top, box[0] - left : box[2] - left]
