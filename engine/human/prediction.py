"""What the brain cannot predict: Wu et al. 2013, just noticeable difference by free energy.

Each pixel is predicted from its neighbourhood by an autoregressive model; what is left over is
disorder, in which eyes overlook more.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from .classical import GRADIENT_GAIN, grey, namm
from .gradients import edge_weight, largest_gradient
from .luminance import background, luma, luminance_adaptation

REACH = 5  # the prediction is from 11×11 pixels
PATCH = 3  # side of the patches whose likeness decides the weights
LIKENESS = 10.0  # levels of root-mean-square difference at which a weight falls to 1/e
DISORDER_GAIN = 1.125  # JND_d = 1.125 D (Wu et al. 2013)
STRIP = 64  # rows worked on at a time: they stay in the processor's cache


def shifts() -> Iterator[tuple[int, int]]:
    """One of each pair (dy, dx), (-dy, -dx) of the 11×11 neighbourhood, without (0, 0)."""
    for dy in range(REACH + 1):
        for dx in range(-REACH if dy else 1, REACH + 1):
            yield dy, dx


def predicted(plane: np.ndarray) -> np.ndarray:
    """F': each pixel as a weighted mean of its 11×11 neighbourhood without itself.

    float32 H×W -> float32 H×W in the same range. Weights are exp(-d/s²), d the mean squared
    difference of the 3×3 patches around the two pixels.
    """
    height, width = plane.shape
    margin = REACH + PATCH // 2
    padded = np.pad(plane, margin + REACH, mode="symmetric")
    result = np.empty_like(plane)
    for top in range(0, height, STRIP):
        rows = min(STRIP, height - top)
        strip = padded[top : top + rows + 2 * (margin + REACH)]
        result[top : top + rows] = _predicted_strip(strip, rows, width)
    return result


def _predicted_strip(strip: np.ndarray, rows: int, width: int) -> np.ndarray:
    """Rows×width of F' from a strip with a margin of 2·REACH + PATCH//2 on every side.

    The likeness of two pixels is the same seen from either, so each is computed once.
    """
    border = 2 * REACH + PATCH // 2
    core = (slice(border, border + rows), slice(border, border + width))
    total = np.zeros((rows, width), np.float32)
    weights = np.full((rows, width), np.finfo(np.float32).tiny)
    for dy, dx in shifts():
        # The pixels p for which p or p - (dy, dx) is in the core; their neighbours p + (dy, dx).
        first = (
            slice(core[0].start - dy - 1, core[0].stop + 1),
            slice(core[1].start - max(dx, 0) - 1, core[1].stop - min(dx, 0) + 1),
        )
        second = tuple(
            slice(part.start + by, part.stop + by) for part, by in zip(first, (dy, dx), strict=True)
        )
        distance = np.square(strip[first] - strip[second])
        distance = ndimage.uniform_filter(distance, PATCH, mode="nearest")[1:-1, 1:-1]
        distance *= np.float32(-1 / LIKENESS**2)
        weight = np.exp(distance, out=distance)
        for row, column, neighbour in (
            (dy, max(dx, 0), (dy, dx)),  # p in the core, its neighbour after it
            (0, max(-dx, 0), (-dy, -dx)),  # and before it
        ):
            own = weight[row : row + rows, column : column + width]
            values = strip[
                border + neighbour[0] : border + neighbour[0] + rows,
                border + neighbour[1] : border + neighbour[1] + width,
            ]
            total += own * values
            weights += own
    return total / weights


def wu2013(pixels: np.ndarray) -> np.ndarray:
    """Wu et al., IEEE Trans. Multimedia 15(7) 2013: orderly and disorderly thresholds, by the NAMM.

    D = |F - F'|, JND_d = 1.125 D. The orderly part is Yang's luminance model (adaptation and edge
    masking) on the prediction F'; JND = JND_o + JND_d - .3·min. uint8 H×W×3 -> float32 H×W×3.

    The paper's weights are the mutual information of patches; ours, as in the free-energy codes
    that followed, the likeness of 3×3 patches within 11×11 (the paper writes of 21×21 for the
    background; the reach hardly matters, the time does).
    """
    y = luma(pixels)
    order = predicted(y)
    disorder = np.float32(DISORDER_GAIN) * np.abs(y - order)
    texture = np.float32(GRADIENT_GAIN) * largest_gradient(order) * edge_weight(order)
    orderly = namm(luminance_adaptation(background(order)), texture)
    return grey(namm(orderly, disorder))
