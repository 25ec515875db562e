"""The models that are compared: every human JND, a uniform reference, hvs-sd with the true maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import WeightsError
from engine.human import HUMAN_MODELS, thresholds
from engine.models.registry import HUMAN

from ...records.keys import jnd_key
from ...records.log import log
from ...records.versions import JND_VERSIONS, UNIFORM
from .picture import SEED

TRUE_MAPS = "hvs-sd with the true maps"
Thresholds = Callable[[np.ndarray], np.ndarray]  # uint8 H×W×3 -> float32 H×W×3, 8-bit levels


@dataclass(frozen=True)
class Compared:
    """A model: what identifies it in the store's keys, and its thresholds of a picture."""

    key: dict
    thresholds: Thresholds


def compared_models(weights: str | None, name: str, runs: Path) -> dict[str, Compared]:
    """Every model that can be computed here; one that is left out is named on stderr.

    weights: as in `engine.models.locate.locate`; name: of the checkpoints in RUNS/human that have
    the true attention maps.
    """
    models = {UNIFORM: Compared({"name": UNIFORM, "version": JND_VERSIONS[UNIFORM]}, uniform)}
    for model in HUMAN_MODELS:
        try:
            key = jnd_key(model, weights=weights)
        except WeightsError as error:
            log(f"{model}: left out, {error}")
            continue
        models[model] = Compared(
            key, lambda pixels, model=model: thresholds(pixels, model, weights=weights)
        )
    if HUMAN in models and (model := with_true_maps(name, runs)) is not None:
        models[TRUE_MAPS] = model
    return models


def uniform(pixels: np.ndarray) -> np.ndarray:
    """The reference: a threshold of 1 everywhere, but for a twentieth up or down.

    Without that, 8 bits would allow whole levels only, and the PSNR could not be met.
    """
    dither = np.random.default_rng(SEED).uniform(-0.05, 0.05, (*pixels.shape[:2], 1))
    return np.repeat(1 + dither, 3, axis=2).astype(np.float32)


def with_true_maps(name: str, runs: Path) -> Compared | None:
    """hvs-sd given the true attention maps in place of its branch's; None without checkpoints."""
    import torch

    from engine.images.picture import to_batch
    from engine.networks.hvs import symmetric

    from ...train.human.calibration import calibrated
    from ...train.human.hvs import load_human, true_maps

    try:
        model, teacher, _ = load_human(name, runs)
        calibration = calibrated(name, runs)
    except FileNotFoundError as error:
        log(f"{TRUE_MAPS}: left out, {error}")
        return None
    scale = calibration["scale"]

    def function(pixels: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(to_batch(pixels[None]))
        with torch.no_grad():
            j = symmetric(lambda x: scale * model.network(x, true_maps(teacher, x)), x)
        return 255 * j[0].permute(1, 2, 0).contiguous().numpy()

    decisive = {part: calibration[part] for part in ("scale", "weights")}
    return Compared({"name": TRUE_MAPS, "version": JND_VERSIONS[HUMAN], **decisive}, function)
