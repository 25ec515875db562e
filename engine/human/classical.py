"""Thresholds from luminance, gradients and edges: Chou 1995, Yang 2005, Liu 2010.

Each function takes a picture uint8 H×W×3 sRGB 0…255 of any size and returns thresholds float32
H×W×3 in 8-bit levels, finite and non-negative.

Colour. Chou's and Liu's models know luminance alone. Their threshold T is given to R, G and B
alike: a change by T with one sign in all three changes the luma by exactly T and no colour, which
is the change the models were measured with. Yang's model has thresholds for Y, Cb and Cr.
"""

from __future__ import annotations

import numpy as np
from skimage.restoration import denoise_tv_chambolle

from .gradients import edge_weight, largest_gradient
from .luminance import BLUE, LUMA, RED, background, luma, luma_and_chroma, luminance_adaptation

OVERLAP = 0.3  # C of the NAMM for luminance: how far two maskings are one and the same
GRADIENT_GAIN = 0.117  # β for luminance (Yang et al. 2005)
CHROMA = {"cb": (0.25, 0.65), "cr": (0.2, 0.45)}  # C and β (Yang et al. 2005)
TV_WEIGHT = 0.1  # of the structure-texture split, pictures in 0…1
TV_STEPS = 30  # of Chambolle's iteration, a fixed number
EDGE_MASKING, TEXTURE_MASKING = 1.0, 3.0  # weights of Liu et al. 2010


def namm(first: np.ndarray, second: np.ndarray, overlap: float = OVERLAP) -> np.ndarray:
    """Nonlinear additivity model for masking (Yang et al. 2005): a + b - C·min(a, b)."""
    return first + second - np.float32(overlap) * np.minimum(first, second)


def grey(threshold: np.ndarray) -> np.ndarray:
    """A luminance threshold H×W, the same for each of R, G, B: H×W×3."""
    return np.repeat(threshold[:, :, None], 3, axis=2)


def chou1995(pixels: np.ndarray) -> np.ndarray:
    """Chou & Li, IEEE TCSVT 5(6) 1995: the larger of gradient masking and adaptation.

    max(mg·(0.0001·bg + 0.115) + (0.5 - 0.01·bg), LA(bg)). The published constants; λ = 1/2.
    """
    y = luma(pixels)
    bg = background(y)
    masking = largest_gradient(y) * (np.float32(1e-4) * bg + np.float32(0.115))
    masking += np.float32(0.5) - np.float32(0.01) * bg
    return grey(np.maximum(masking, luminance_adaptation(bg)))


def yang2005(pixels: np.ndarray) -> np.ndarray:
    """Yang et al., Signal Processing: Image Communication 20 (2005): the NAMM for colour.

    T = T_l + T_t - C·min(T_l, T_t) for each of Y, Cb, Cr: T_l from the luminance background,
    T_t = β·mg·W from the channel's own gradients and Canny edges. C = .3, .25, .2 and
    β = .117, .65, .45.

    From Y Cb Cr to R G B is our reading: each of the three changes by its threshold with a sign
    of its own, and what that does to R, G and B on average (root mean square) is theirs:
    T_R² = T_Y² + (1.402 T_Cr)², and so on. Codes passed around dilate the edges and leave .05 on
    them, and take the border as black; here the weight is .1 undilated, and the border reflects.
    """
    y, cb, cr = luma_and_chroma(pixels)
    adaptation = luminance_adaptation(background(y))

    def threshold(plane: np.ndarray, overlap: float, gain: float) -> np.ndarray:
        texture = np.float32(gain) * largest_gradient(plane) * edge_weight(plane)
        return namm(adaptation, texture, overlap)

    t_y = np.square(threshold(y, OVERLAP, GRADIENT_GAIN))
    t_b = np.square(BLUE * threshold(cb, *CHROMA["cb"]))
    t_r = np.square(RED * threshold(cr, *CHROMA["cr"]))
    red, green, blue = LUMA
    t_g = (red / green) ** 2 * t_r + (blue / green) ** 2 * t_b  # G = Y - .344 Cb - .714 Cr
    return np.sqrt(np.stack([t_y + t_r, t_y + t_g, t_y + t_b], 2)).astype(np.float32)


def liu2010(pixels: np.ndarray) -> np.ndarray:
    """Liu et al., IEEE TCSVT 20(11) 2010: edges and texture masked apart, after a TV split.

    Luminance = structure u + texture v. Masking β·(1·mg(u) + 3·mg(v)), β = .117; with the
    adaptation by the NAMM, C = .3.

    The paper splits by TV-L1; here it is Chambolle's TV-L2 (weight 0.1 on 0…1, thirty steps), of
    which scikit-image has a kept implementation: it leaves a little of the edges in v.
    """
    y = luma(pixels)
    structure = y
    if min(y.shape) > 1:  # a line has no split: all of it is structure
        split = denoise_tv_chambolle(y / 255, TV_WEIGHT, eps=0, max_num_iter=TV_STEPS)
        structure = (255 * split).astype(np.float32)
    masking = EDGE_MASKING * largest_gradient(structure)
    masking += TEXTURE_MASKING * largest_gradient(y - structure)
    adaptation = luminance_adaptation(background(y))
    return grey(namm(adaptation, np.float32(GRADIENT_GAIN) * masking))
