"""What a cloak costs the eye and gains against machines, one photo at a time.

Definitions that the published numbers are pinned to: SSIM and CIEDE2000 as scikit-image computes
them, JOD as ColorVideoVDP's standard display does. Whole photos, uint8.
"""

from __future__ import annotations

from functools import cache

import numpy as np


def quality(before: np.ndarray, after: np.ndarray, jnd: np.ndarray) -> dict[str, float]:
    """uint8 H×W×3 twice, J float32 H×W×3 in 8-bit levels -> PSNR, SSIM, ΔE00, share beyond J."""
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    change = np.abs(after.astype(np.int16) - before)
    colour = deltaE_ciede2000(rgb2lab(before), rgb2lab(after))
    with np.errstate(divide="ignore"):
        noise = peak_signal_noise_ratio(before, after)
    return {
        "psnr_db": float(noise),
        "ssim": float(
            structural_similarity(
                before,
                after,
                channel_axis=2,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=255,
            )
        ),
        "delta_e_mean": float(colour.mean()),
        "delta_e_99": float(np.percentile(colour, 99)),
        "beyond_jnd_share": float((change > jnd).any(2).mean()),
        "largest_change": int(change.max()),
    }


@cache
def _viewer():
    from pycvvdp import cvvdp

    return cvvdp(display_name="standard_4k", heatmap=None, quiet=True)


def jod(before: np.ndarray, after: np.ndarray) -> float | None:
    """Just-objectionable differences, 10 where none is seen; None without `cvvdp`."""
    try:
        viewer = _viewer()
    except ModuleNotFoundError:
        return None
    score, _ = viewer.predict(after, before, dim_order="HWC")
    return float(score)
