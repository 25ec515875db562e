"""The models of the human JND, as rows of one table, and the one function that runs them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from ..arguments import check_choice, check_placement
from ..images.picture import as_picture
from ..models.registry import HUMAN_DEFAULT, HUMAN_NAMES

DEFAULT = HUMAN_DEFAULT


@dataclass(frozen=True)
class HumanModel:
    """One model: where it is from, and the function that gives its thresholds."""

    name: str
    paper: str
    home: str  # the module in engine.human; its function has the name of the model
    learned: bool = False


def _table(*rows: HumanModel) -> dict[str, HumanModel]:
    return {row.name: row for row in rows}


HUMAN_MODELS = _table(
    HumanModel("chou1995", "Chou & Li, IEEE TCSVT 1995", "classical"),
    HumanModel("yang2005", "Yang et al., Signal Processing: Image Comm. 2005", "classical"),
    HumanModel("liu2010", "Liu et al., IEEE TCSVT 2010", "classical"),
    HumanModel("wu2013", "Wu et al., IEEE Trans. Multimedia 2013", "prediction"),
    HumanModel("wu2017", "Wu et al., IEEE TIP 2017", "pattern"),
    HumanModel("rgb2022", "after Jin et al., arXiv 2203.00629, 2022", "pattern"),
    HumanModel("hvs-sd", "after Jin et al., arXiv 2208.07583, 2022", "learned", learned=True),
)
if tuple(HUMAN_MODELS) != HUMAN_NAMES:
    raise ValueError(
        "engine.models.registry.HUMAN_NAMES and engine.human.models.HUMAN_MODELS differ"
    )


def human_jnd(
    image: object,
    model: str = DEFAULT,
    *,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
) -> np.ndarray:
    """How much each pixel and channel may change unnoticed: float32 H×W×3, in 8-bit levels.

    image: a path, a Pillow picture, or an array uint8 H×W×3 or H×W, sRGB 0…255, of any size.
    model: a row of `HUMAN_MODELS`. The thresholds are finite and never negative; x ± T may lie
    outside 0…255. weights and device are for the learned model (see
    `engine.models.locate.locate`). Raises ImageError, UsageError for an unknown model,
    WeightsError, DeviceError.
    """
    check_choice("model", model, HUMAN_MODELS)
    check_placement(weights, device)
    return thresholds(as_picture(image).pixels, model, weights=weights, device=device)


def thresholds(
    pixels: np.ndarray,
    model: str = DEFAULT,
    *,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
) -> np.ndarray:
    """`human_jnd` of uint8 H×W×3 sRGB 0…255."""
    check_choice("model", model, HUMAN_MODELS)
    check_placement(weights, device)
    row = HUMAN_MODELS[model]
    home = import_module(f".{row.home}", __package__)
    if row.learned:
        return home.load(None if weights is None else str(weights), device)(pixels)
    function: Callable[[np.ndarray], np.ndarray] = getattr(home, row.name)
    return function(pixels)
