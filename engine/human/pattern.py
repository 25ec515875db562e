"""Pattern complexity: Wu et al. 2017, and its colour version with weights per channel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .classical import grey, namm
from .luminance import LUMA, background, luma, luminance_adaptation

PREWITT = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], np.float32) / 3
SMOOTH = 5.0  # levels of gradient below which a pixel has no orientation
BIN = 12  # degrees of orientation that count as one
CONTRAST_WINDOW = 5  # pixels, both ways
BLUR = (1.0, 1)  # standard deviation and radius of the 3×3 Gaussian over the complexity


def luminance_contrast(y: np.ndarray) -> np.ndarray:
    """C_l: standard deviation of the luma in 5×5 pixels (eq. 7). float32 H×W ≥ 0."""
    centred = y - y.mean()  # single precision would lose small variances on bright ground
    mean = ndimage.uniform_filter(centred, CONTRAST_WINDOW, mode="reflect")
    square = ndimage.uniform_filter(np.square(centred), CONTRAST_WINDOW, mode="reflect")
    variance = square - np.square(mean)
    return np.sqrt(np.where(variance > 1e-3, variance, 0)).astype(np.float32)


def orientation_bins(y: np.ndarray) -> np.ndarray:
    """uint8 H×W: which twelve degrees the gradient of a pixel is in, 0…14; 15 where it has none."""
    across = ndimage.correlate(y, PREWITT, mode="reflect")
    down = ndimage.correlate(y, PREWITT.T, mode="reflect")
    degrees = np.degrees(np.arctan2(down, across)) % 180
    bins = np.rint(degrees / BIN).astype(np.uint8) % (180 // BIN)
    return np.where(np.hypot(across, down) >= SMOOTH, bins, 180 // BIN).astype(np.uint8)


def pattern_complexity(y: np.ndarray) -> np.ndarray:
    """C_p: how many orientations (eqs 4-6) there are among 3×3 pixels, 1 where it is smooth.

    float32 H×W, 1…9, after a 3×3 Gaussian blur.
    """
    bins = orientation_bins(y)
    height, width = bins.shape
    padded = np.pad(bins, 1, mode="symmetric")
    seen = np.zeros(bins.shape, np.uint16)  # one bit per orientation
    for row in range(3):
        for column in range(3):
            seen |= np.uint16(1) << padded[row : row + height, column : column + width]
    count = np.bitwise_count(seen) if hasattr(np, "bitwise_count") else _ones(seen)
    complexity = np.where(bins == 180 // BIN, 1, count).astype(np.float32)
    deviation, radius = BLUR
    return ndimage.gaussian_filter(complexity, deviation, radius=radius, mode="reflect")


def _ones(values: np.ndarray) -> np.ndarray:
    """Bits set in each uint16, for NumPy before 2.0."""
    return np.unpackbits(values[..., None].view(np.uint8), axis=-1).sum(-1)


def luminance_threshold(y: np.ndarray) -> np.ndarray:
    """The model on a luma plane float32 H×W in 0…255 -> thresholds float32 H×W."""
    contrast, complexity = luminance_contrast(y), pattern_complexity(y)
    contrast_masking = 0.115 * 16 * contrast**2.4 / (np.square(contrast) + 26**2)
    transducer = 0.8 * complexity**2.7 / (np.square(complexity) + 0.1**2)
    pattern_masking = np.log2(1 + contrast) * transducer
    spatial = np.maximum(contrast_masking, pattern_masking).astype(np.float32)
    return namm(luminance_adaptation(background(y)), spatial)


def wu2017(pixels: np.ndarray) -> np.ndarray:
    """Wu et al., IEEE TIP 26(6) 2017: masking by contrast and by the diversity of orientations.

    T = LA + max(M_P, M_C) - .3·min(LA, max(M_P, M_C)); M_C = .115·16·C_l^2.4/(C_l² + 26²);
    M_P = log2(1 + C_l) · .8·C_p^2.7/(C_p² + .1²). The threshold of the luma, for R, G, B alike.
    uint8 H×W×3 -> float32 H×W×3.

    This is the paper's model. The authors' MATLAB code differs: M_P = C_l·.3·C_p^2.7/(C_p² + 1);
    M_P is switched off around strong Canny edges (above 60 levels, dilated by 3 pixels, blurred);
    LA is weakened to 70 % and backgrounds up to 127 are raised to 32…127, so that black has a
    threshold of 8, not 20; contrast and complexity are cleared at the border; angles are first
    rounded to whole degrees; and vertical gradients of opposite sign fall into two bins, ours into
    one. It injects noise at 0.7 T.
    """
    return grey(luminance_threshold(luma(pixels)))


# How much each channel may take: in proportion to 1/√(its weight in the luma), half-way between
# equal thresholds and equal shares of the luma, and scaled so that a change of all three with one
# sign changes the luma by T, as in wu2017. Red 1.11, green 0.79, blue 1.79.
CHANNEL_WEIGHTS = (1 / np.sqrt(LUMA) / np.sqrt(LUMA).sum()).astype(np.float32)


def rgb2022(pixels: np.ndarray) -> np.ndarray:
    """Wu's threshold, shared out among R, G and B: red and blue take more than green.

    After Jin et al., "Full RGB just noticeable difference modelling", arXiv 2203.00629 (2022),
    whose network was found to put more into red and blue than into green. That network is not
    used here: the weights are ours, from the luma alone (see `CHANNEL_WEIGHTS`).
    uint8 H×W×3 -> float32 H×W×3.
    """
    return luminance_threshold(luma(pixels))[:, :, None] * CHANNEL_WEIGHTS
