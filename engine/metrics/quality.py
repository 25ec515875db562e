"""How far two pictures are apart: PSNR, SSIM, ΔE00, and the numbers that need more libraries.

Pinned definitions, the same wherever a number is printed:

- PSNR over all pixels and channels, peak 255.
- SSIM as scikit-image's: Gaussian window of σ 1.5 (11×11), `use_sample_covariance=False`, range
  255, the mean of the three channels. (piq's default shrinks the picture first and is larger.)
- ΔE00: CIEDE2000 per pixel (scikit-image; sRGB, D65), its mean and its 99th percentile.
- JOD, FSIM, VIF: see `engine.metrics.perceptual`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from ..system.progress import Progress
from .decibels import finite

SSIM_WINDOW = 11  # pixels, both ways: σ 1.5, cut at 3.5 σ
ROWS = 512  # of a picture converted to Lab at a time
SLOW = ("ssim", "delta_e")  # some half a second per megapixel each
PERCEPTUAL = ("jod", "fsim", "vif")  # some seconds, and PyTorch


@dataclass(frozen=True)
class Quality:
    """One pair of pictures. A number is None where it was not requested, or `missing` has why.

    psnr_db: inf where equal. ssim: -1…1. delta_e_mean, delta_e_p99: CIEDE2000. changed_share:
    share of pixels with any channel changed; beyond_jnd_share: of pixels with any channel changed
    by more than the JND of the model named in jnd_model. jod: 10 is no visible difference, one
    less means that 75 % of viewers choose the reference. fsim, vif: 1 where equal.
    """

    psnr_db: float
    ssim: float | None
    delta_e_mean: float
    delta_e_p99: float
    changed_share: float
    beyond_jnd_share: float | None
    jnd_model: str | None
    jod: float | None
    fsim: float | None
    vif: float | None
    missing: tuple[str, ...]

    def to_dict(self) -> dict:
        """As JSON, rounded to six digits; null: infinite, not requested, or missing."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        del values["missing"]
        return {
            name: finite(value, 6) if isinstance(value, float) else value
            for name, value in values.items()
        }


def psnr(difference: np.ndarray) -> np.ndarray:
    """PSNR in dB of differences float N×… on the 0…1 scale, one per row; inf where equal."""
    power = np.square(difference, dtype=np.float64).reshape(len(difference), -1).mean(1)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(power)


def psnr_8bit(reference: np.ndarray, changed: np.ndarray) -> float:
    """PSNR in dB of two pictures uint8 H×W×3; inf where equal."""
    difference = reference.astype(np.float32) - changed
    power = np.square(difference, out=difference).mean(dtype=np.float64)
    return float("inf") if power == 0 else float(10 * np.log10(255**2 / power))


def ssim(reference: np.ndarray, changed: np.ndarray) -> float | None:
    """SSIM of two pictures uint8 H×W×3; None where they are smaller than its 11×11 window."""
    from skimage.metrics import structural_similarity

    if min(reference.shape[:2]) < SSIM_WINDOW:
        return None
    value = structural_similarity(
        reference,
        changed,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )
    return float(value)


def delta_e(reference: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """CIEDE2000 of each pixel, float32 H×W, of two pictures uint8 H×W×3 sRGB."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    result = np.empty(reference.shape[:2], np.float32)
    for top in range(0, len(reference), ROWS):
        rows = slice(top, top + ROWS)
        result[rows] = deltaE_ciede2000(rgb2lab(reference[rows]), rgb2lab(changed[rows]))
    return result


def beyond(reference: np.ndarray, changed: np.ndarray, jnd: np.ndarray) -> float:
    """Share of pixels with a channel changed by more than its threshold.

    reference, changed uint8 H×W×3; jnd float32 H×W×3 in 8-bit levels. Rounding to 8 bits may add
    half a level to a change, which is forgiven.
    """
    change = np.abs(reference.astype(np.float32) - changed)
    return float((change > jnd + 0.5).any(2).mean())


def compare(
    reference: np.ndarray,
    changed: np.ndarray,
    *,
    jnd: np.ndarray | None = None,
    jnd_model: str | None = None,
    perceptual: bool = True,
) -> Quality:
    """Every number for a pair uint8 H×W×3 sRGB of one size.

    jnd: thresholds float32 H×W×3 of the reference by jnd_model, where there are some. perceptual:
    also JOD, FSIM and VIF, which take seconds, where their libraries are installed.
    """
    names = (*SLOW, *PERCEPTUAL) if perceptual else SLOW
    *_, quality = steps(reference, changed, names, jnd=jnd, jnd_model=jnd_model)
    return quality


def steps(
    reference: np.ndarray,
    changed: np.ndarray,
    names: tuple[str, ...] = (),
    *,
    jnd: np.ndarray | None = None,
    jnd_model: str | None = None,
) -> Iterator[Progress | Quality]:
    """The steps of measuring, then the result: the quick numbers and those named.

    names: of SLOW and PERCEPTUAL; the rest as in `compare`.
    """
    values: dict[str, float | None] = dict.fromkeys(
        ("ssim", "delta_e_mean", "delta_e_p99", *PERCEPTUAL)
    )
    missing: list[str] = []
    for done, name in enumerate(names):
        yield Progress(f"measuring {name}", done / len(names))
        if name == "ssim":
            values["ssim"] = ssim(reference, changed)
            if values["ssim"] is None:
                missing.append(f"ssim: the picture is smaller than {SSIM_WINDOW}×{SSIM_WINDOW}")
        elif name == "delta_e":
            colour = delta_e(reference, changed)
            values["delta_e_mean"] = float(colour.mean())
            values["delta_e_p99"] = float(np.percentile(colour, 99))
        else:
            from .perceptual import measure

            results, notes = measure(reference, changed, (name,))
            values[name] = results[name]
            missing += notes
    yield Quality(
        psnr_db=psnr_8bit(reference, changed),
        changed_share=float((reference != changed).any(2).mean()),
        beyond_jnd_share=None if jnd is None else beyond(reference, changed, jnd),
        jnd_model=None if jnd is None else jnd_model,
        missing=tuple(missing),
        **values,
    )
