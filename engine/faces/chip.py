"""Where a face chip lies in a photo: dlib's alignment, restated as numbers.

dlib aligns a face by the similarity transform that takes five landmarks to fixed places, and
extracts the chip by bilinear interpolation, from an image pyramid where the face is large. These
are the geometry's numbers, without pixels; `engine.attack.alignment` extracts with them. Source:
dlib's `get_face_chip_details` and `extract_image_chips`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

SIDE = 150  # pixels of a chip
PADDING = 0.25  # of the landmarks' unit square, on each side
# Outer and inner corner of the right-hand eye, of the left-hand eye (as seen), base of the nose.
PLACES = np.array(
    [
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    ]
)
SHIFT = np.array([1.25, 0.75])  # dlib's pyramid: p in a level is p/2 - SHIFT in the next


@dataclass(frozen=True)
class Framing:
    """How much of a face a chip shows, and how large.

    side: pixels of the chip, both ways; padding: what it shows around the landmarks' unit square,
    on each side, in lengths of that square.
    """

    side: int = SIDE
    padding: float = PADDING


DLIB = Framing()  # the chips of dlib's own recogniser


@dataclass(frozen=True)
class Chip:
    """One face chip in a photo of width×height pixels.

    box: (left, top, right, bottom) of the part of the photo it is taken from, right and bottom
    exclusive. levels: how often that part is halved first. matrix: float64 2×3, from a chip's
    pixel (x, y, 1) to a pixel of the halved part. pixels: of the chip, both ways. landmarks, size:
    of the face and the photo (width, height) that it was made for; begins: where in that photo the
    part begins in which the box is counted.
    """

    box: tuple[int, int, int, int]
    levels: int
    matrix: np.ndarray
    pixels: int
    landmarks: np.ndarray
    size: tuple[int, int]
    begins: tuple[int, int] = (0, 0)

    @property
    def side(self) -> float:
        """Pixels of the photo along a chip's side."""
        scale = float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))
        return scale * (self.pixels - 1) * 2**self.levels

    def same(self, other: Chip) -> bool:
        """Whether both are cut out of the same place."""
        one, two = ((each.box, each.levels, each.pixels) for each in (self, other))
        return one == two and np.array_equal(self.matrix, other.matrix)

    def within(self, left: int, top: int) -> Chip:
        """The same chip in the part of the photo that begins at (left, top)."""
        first, upper, last, lower = self.box
        x, y = self.begins
        return replace(
            self,
            box=(first - left, upper - top, last - left, lower - top),
            begins=(x + left, y + top),
        )

    def framed(self, framing: Framing) -> Chip:
        """The chip of the same face in the same part of the photo, with another framing."""
        return locate_chip(self.landmarks, *self.size, framing).within(*self.begins)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares similarity transform of points n×2 to points n×2 -> float64 2×3 (Umeyama)."""
    from_mean, to_mean = source.mean(0), target.mean(0)
    a, b = source - from_mean, target - to_mean
    power = (a**2).sum()
    cosine = (a * b).sum() / power
    sine = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / power
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, to_mean - turn @ from_mean])


def locate_chip(landmarks: np.ndarray, width: int, height: int, framing: Framing = DLIB) -> Chip:
    """Five landmarks, (x, y) in pixels of a width×height photo, n=5×2 -> where the chip lies."""
    side, padding, landmarks = framing.side, framing.padding, np.asarray(landmarks, np.float64)
    places = (padding + PLACES) / (2 * padding + 1) * side
    whole = similarity(places, landmarks)
    scale = float(np.hypot(whole[0, 0], whole[1, 0]))
    turn = whole[:, :2] / scale
    centre = whole @ (side / 2, side / 2, 1)
    half = np.full(2, (side * scale - 1) / 2)  # dlib's rectangles include both borders
    low, high = centre - half, centre + half

    def halve(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return low / 2 - SHIFT, high / 2 - SHIFT

    def large(low: np.ndarray, high: np.ndarray) -> bool:
        return float(np.prod(high - low + 1)) > side**2

    levels, grow = 0, 2
    small = halve(low, high)
    while large(*small):
        small, levels, grow = halve(*small), levels + 1, grow * 2 + 2
    corners = np.array([(x, y) for x in (low[0], high[0]) for y in (low[1], high[1])])
    turned = centre + (corners - centre) @ turn.T
    start = np.maximum(turned.min(0) - grow, 0)
    stop = np.minimum(turned.max(0) + grow, (width - 1, height - 1))
    first, last = np.floor(start + 0.5).astype(int), np.floor(stop + 0.5).astype(int)

    low, high = low - first, high - first
    for _ in range(levels):
        low, high = halve(low, high)
    middle = (low + high) / 2
    linear = turn * ((high - low) / (side - 1))
    matrix = np.column_stack([linear, middle + turn @ (low - middle)])
    box = (int(first[0]), int(first[1]), int(last[0]) + 1, int(last[1]) + 1)
    return Chip(box, levels, matrix, side, landmarks, (width, height))
