"""How strong the pattern may be at each place: by the threshold of an eye, or of a panel."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from ..images.picture import Picture
from ..models import registry
from ..panels.embedded import Panel
from ..panels.own import OwnPanel
from .signal.spectrum import LUMA

EYE = 3.0  # pixels: the deviation of the neighbourhood over which an eye's threshold is averaged
PANEL = 8.0  # … and a panel's, whose change has fine patterns of its own


def human_threshold(
    pixels: np.ndarray,
    model: str = registry.HUMAN_DEFAULT,
    *,
    weights: str | None = None,
    device: str = "auto",
) -> np.ndarray:
    """The eye's threshold of brightness: uint8 H×W×3 -> float32 H×W, levels."""
    from ..human import thresholds

    each = thresholds(pixels, model, weights=weights, device=device)
    return gaussian_filter(each @ LUMA, EYE)


def machine_threshold(picture: Picture, panel: Panel | OwnPanel) -> np.ndarray:
    """The local root mean square of the machine JND's change in brightness: float32 H×W, levels."""
    from ..machine.jnd import MachineJND

    change = MachineJND(panel=panel)(picture).change @ LUMA
    change *= 255
    return np.sqrt(gaussian_filter(np.square(change, out=change), PANEL))
