"""What a viewer would see: JOD by ColorVideoVDP, FSIM and VIF by piq. Needs the evaluation extra.

- JOD: `cvvdp` (Mantiuk et al. 2024), display model `standard_4k`: a 30-inch 3840×2160 screen of
  200 cd/m² seen from twice its height's distance in an office, 75 pixels per degree. 10 is no
  visible difference; one less means that 75 % of viewers choose the reference.
- FSIM: `piq.fsim`, chromatic (FSIMc), data range 255: it shrinks large pictures as in its paper.
- VIF: `piq.vif_p`, the pixel-domain version, on luma, σ_n² = 2, data range 255.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

DISPLAY = "standard_4k"
EXTRA = "pip install 'just-noticeable[evaluation]'"
LARGEST = 4_000_000  # pixels; ColorVideoVDP holds some hundreds of bytes for each
SMALLEST = {"jod": 16, "fsim": 16, "vif": 41}  # pixels of the shorter side


def jod(reference: np.ndarray, changed: np.ndarray) -> float:
    """JOD of two pictures uint8 H×W×3 sRGB, up to 10. Raises ModuleNotFoundError without cvvdp."""
    value, _ = colour_video_vdp().predict(changed, reference, dim_order="HWC")
    return float(value)


@lru_cache
def colour_video_vdp(display: str = DISPLAY):
    """The metric on a display, loaded once: pycvvdp's torch module, on CUDA where there is one."""
    with contextlib.redirect_stdout(io.StringIO()):
        import pycvvdp
        import torch

        logging.getLogger("cvvdp").setLevel(logging.ERROR)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return pycvvdp.cvvdp(display_name=display, device=device, quiet=True)


def _tensor(pixels: np.ndarray):
    """uint8 H×W×3 -> float32 1×3×H×W in 0…255."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float()


def fsim(reference: np.ndarray, changed: np.ndarray) -> float:
    """FSIMc of two pictures uint8 H×W×3 sRGB, 1 where equal. Raises ModuleNotFoundError."""
    import piq

    return float(piq.fsim(_tensor(changed), _tensor(reference), data_range=255.0))


def vif(reference: np.ndarray, changed: np.ndarray) -> float:
    """VIF in the pixel domain of two pictures uint8 H×W×3. Raises ModuleNotFoundError."""
    import piq

    return float(piq.vif_p(_tensor(changed), _tensor(reference), data_range=255.0))


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "jod": jod,
    "fsim": fsim,
    "vif": vif,
}


def measure(
    reference: np.ndarray, changed: np.ndarray, names: Iterable[str] | None = None
) -> tuple[dict[str, float | None], list[str]]:
    """Each of `METRICS`, or those named, where it can be had, else None, and why not."""
    values: dict[str, float | None] = {}
    notes = []
    for name in METRICS if names is None else names:
        metric = METRICS[name]
        values[name] = None
        height, width = reference.shape[:2]
        if height * width > LARGEST:
            notes.append(f"{name}: the picture has more than {LARGEST:,} pixels")
            continue
        if min(height, width) < SMALLEST[name]:
            notes.append(f"{name}: the picture is smaller than {SMALLEST[name]} pixels")
            continue
        try:
            values[name] = metric(reference, changed)
        except ModuleNotFoundError as error:
            notes.append(f"{name}: {error.name} is not installed: {EXTRA}")
    return values, notes
