"""Gradients and edges: where a picture changes, and by how much."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.feature import canny

_ROWS = np.array(
    [[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]]
)
_FALLING = np.array(
    [[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]]
)
# Chou & Li 1995: 0°, 45°, 90° and 135°.
DIRECTIONS = tuple(
    kernel.astype(np.float32) / 16 for kernel in (_ROWS, _FALLING, _FALLING[:, ::-1], _ROWS.T)
)
CANNY_SIGMA = np.sqrt(2)  # MATLAB's, with which the published codes were written
LOW_OF_HIGH = 0.4  # MATLAB's ratio of the two thresholds of the hysteresis
EDGE_WEIGHT = 0.1  # how much of the texture's masking is left on an edge
EDGE_BLUR = (0.8, 3)  # standard deviation and radius of the 7×7 Gaussian


def largest_gradient(plane: np.ndarray) -> np.ndarray:
    """mg: the largest of four directional 5×5 gradients, in magnitude (Chou & Li 1995).

    float32 H×W -> float32 H×W ≥ 0. A step of height h has mg = h.
    """
    largest = np.zeros_like(plane)
    for kernel in DIRECTIONS:
        np.maximum(largest, np.abs(ndimage.correlate(plane, kernel, mode="reflect")), out=largest)
    return largest


def edge_weight(plane: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """W of Yang et al. 2005: 1 off the edges, 0.1 on them, smoothed by a 7×7 Gaussian of σ 0.8.

    Edges are Canny's, with a threshold relative to the largest gradient of the plane (0.5, the
    paper's). float32 H×W -> float32 H×W in 0.1…1.
    """
    reach = float(np.ptp(plane))
    if reach == 0:
        return np.ones_like(plane)
    unit = (plane - plane.min()) / reach
    smooth = ndimage.gaussian_filter(unit, CANNY_SIGMA, mode="reflect")
    steepest = float(np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1)).max())
    edges = canny(
        unit,
        sigma=CANNY_SIGMA,
        low_threshold=LOW_OF_HIGH * threshold * steepest,
        high_threshold=threshold * steepest,
        mode="reflect",
    )
    weight = np.where(edges, EDGE_WEIGHT, 1).astype(np.float32)
    deviation, radius = EDGE_BLUR
    return ndimage.gaussian_filter(weight, deviation, radius=radius, mode="reflect")
