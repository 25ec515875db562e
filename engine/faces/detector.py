"""dlib's HOG detector on photos of any size, for faces down to 40 pixels, from any thread.

The detector's window is 80 pixels. It first goes over the photo as a whole, scaled down where it
is large, and then, where that leaves out small faces, over overlapping tiles of the photo, scaled
up. A detector has a state and lets other Python code run while it works, so that two calls must
not share one: `Detector` has one for each core, and lends it to one call at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import LifoQueue

import numpy as np
from PIL import Image

from ..images.parts import Box, grown
from ..system.threads import threads

WINDOW = 80  # pixels of the detector's
SMALL = 400_000  # pixels of a photo below which it is enlarged as a whole
WHOLE = 1_600_000  # pixels in which a photo is gone over as a whole
SEARCHED = 50_000_000  # pixels of the enlarged photo, in tiles: bounds the time, 6 s on one core
TILE = 3072  # pixels of an enlarged tile's side, at most
OVERLAP = 0.3  # intersection over union, from which two boxes are of one face
# A detection below is uncertain. In 724 photos of Kodak, BSDS500 and NIPS 2017, 366 million pixels
# at twice their size, five detections were neither a face nor a picture of one: at 0.02 to 0.29.
# In 1,250 photos of LFW 1 % of the faces that were found in the middle are below 0.28, 2 % below
# 0.39, half below 1.73. The wrong one in scikit-image's astronaut has 0.12, the right one 1.16.
SURE = 0.3


@dataclass(frozen=True)
class Detection:
    """box: (left, top, right, bottom) in pixels of the photo, exclusive, may reach outside."""

    box: Box
    confidence: float


def overlap(one: tuple, other: tuple) -> float:
    """Intersection over union of two boxes, 0…1."""
    a, b = np.array(one, float), np.array(other, float)
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def _whole_scale(width: int, height: int) -> float:
    return min(1.0, (WHOLE / (width * height)) ** 0.5)


def _tile_scale(width: int, height: int) -> float:
    return min(2.0, (SEARCHED / (width * height)) ** 0.5)


def smallest(width: int, height: int) -> int:
    """Pixels of the smallest face's box that is searched for in a photo of this size."""
    return math.ceil(WINDOW / _tile_scale(width, height) - 1e-9)


def tiles(width: int, height: int) -> list[Box]:
    """Parts of a photo that overlap by more than the largest face that only they show."""
    shared = math.ceil(1.25 * WINDOW / _whole_scale(width, height))
    most = TILE / _tile_scale(width, height)

    def along(length: int, least: int) -> list[tuple[int, int]]:
        count = max(least, math.ceil((length - shared) / (most - shared)))
        step = (length - shared) / count
        starts = [round(step * k) for k in range(count)]
        return [(at, min(length, math.ceil(at + step) + shared)) for at in starts]

    rows = along(height, 2 if height > width else 1)  # something to do for two cores
    columns = along(width, 2 if width >= height else 1)
    return [(left, top, right, bottom) for top, bottom in rows for left, right in columns]


class Detector:
    """Faces' boxes in uint8 H×W×3. May be called from several threads at once."""

    def __init__(self, create: Callable[[], object]):
        """create: makes one of dlib's detectors."""
        self._create, self._count = create, threads()
        self._free: LifoQueue = LifoQueue()  # the one that was used last is taken first
        for _ in range(self._count - 1):
            self._free.put(None)  # made when it is needed
        self._free.put(create())

    @contextmanager
    def _lent(self) -> Iterator[object]:
        """A detector that nobody else has meanwhile."""
        held = self._free.get()
        try:
            held = self._create() if held is None else held
            yield held
        finally:
            self._free.put(held)

    def _run(self, pixels: np.ndarray, enlargements: int) -> list[tuple[tuple, float]]:
        with self._lent() as detector:
            boxes, confidences, _ = detector.run(np.ascontiguousarray(pixels), enlargements, 0.0)
        return [
            ((box.left(), box.top(), box.right() + 1, box.bottom() + 1), float(confidence))
            for box, confidence in zip(boxes, confidences, strict=True)
        ]

    def in_whole(self, pixels: np.ndarray) -> list[Detection]:
        """What is seen of the photo as a whole: every face in a small one, large ones in others."""
        height, width = pixels.shape[:2]
        scale = _whole_scale(width, height)
        shown = pixels
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            shown = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
        zoom = (width / shown.shape[1], height / shown.shape[0]) * 2
        enlargements = 1 if shown.shape[0] * shown.shape[1] <= SMALL else 0
        return [
            Detection(tuple(round(x * z) for x, z in zip(box, zoom, strict=True)), confidence)
            for box, confidence in self._run(shown, enlargements)
        ]

    def in_tile(self, pixels: np.ndarray, tile: Box) -> list[Detection]:
        """What is seen in a part of the photo, enlarged."""
        left, top, right, bottom = tile
        scale = _tile_scale(pixels.shape[1], pixels.shape[0])
        size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
        shown = np.asarray(part.resize(size, Image.Resampling.BILINEAR))
        zoom = ((right - left) / size[0], (bottom - top) / size[1]) * 2
        found = []
        for box, confidence in self._run(shown, 0):
            at = (
                round(x * z) + start for x, z, start in zip(box, zoom, (left, top) * 2, strict=True)
            )
            found.append(Detection(tuple(at), confidence))
        return found

    def find(self, pixels: np.ndarray, near: Box | None = None) -> list[Detection]:
        """Every face once. near: of the tiles only those that this box touches."""
        height, width = pixels.shape[:2]
        found = self.in_whole(pixels)
        if width * height <= SMALL:
            return found
        places = tiles(width, height)
        if near is not None:
            left, top, right, bottom = grown(near, (near[2] - near[0]) // 4, width, height)
            places = [
                tile
                for tile in places
                if tile[0] < right and left < tile[2] and tile[1] < bottom and top < tile[3]
            ]
        with ThreadPoolExecutor(min(self._count, max(1, len(places)))) as pool:
            parts = pool.map(lambda tile: self.in_tile(pixels, tile), places)
            return merged(found, [each for part in parts for each in part])


def merged(first: list[Detection], others: list[Detection]) -> list[Detection]:
    """The first, and of the others those that are no face of the first or of a surer other.

    A face that is in both keeps its first box, and takes the higher confidence.
    """
    kept = list(first)
    for other in sorted(others, key=lambda each: -each.confidence):
        middle = (other.box[0] + other.box[2]) / 2, (other.box[1] + other.box[3]) / 2
        twins = [k for k, each in enumerate(kept) if overlap(each.box, other.box) >= OVERLAP]
        for k in twins:
            kept[k] = replace(kept[k], confidence=max(kept[k].confidence, other.confidence))
        inside = any(
            each.box[0] < middle[0] < each.box[2]
            and each.box[1] < middle[1] < each.box[3]
            and each.confidence >= other.confidence
            for each in kept
        )
        if not twins and not inside:
            kept.append(other)
    return kept
