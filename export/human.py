"""HVS-SD to ONNX: one graph from the picture to absolute thresholds.

The attention maps, which need the gradients of the degradation autoencoder, are replaced by the
branch that learned them; the autoencoder does not ship. `training.evaluate.human` measures what
that costs. The scale of the calibration is a constant of the graph.
"""

from __future__ import annotations

from pathlib import Path

import torch

from engine.models.registry import LICENCE
from engine.networks.hvs import MARGIN, STRIDE, VERSION, HvsSd

from .graphs import SPATIAL, export, image_contract


def export_human(model: HvsSd, path: Path, *, training: dict, calibration: dict) -> None:
    """Write the graph: image -> threshold."""
    settings = {key: value for key, value in training.items() if key != "history"}
    contract = {
        "inputs": {"image": image_contract()},
        "outputs": {"threshold": image_contract("0…, 1 is 255 levels")},
        "version": VERSION,
        "margin": MARGIN,  # pixels at the border that depend on the padding
        "stride": STRIDE,  # tiles begin at multiples of this
        "smallest": 1,
        "licence": LICENCE,
        "training": settings,
        "calibration": calibration,
    }
    export(
        model,
        (torch.rand(2, 3, 40, 48),),
        path,
        dynamic_shapes={"image": SPATIAL},
        outputs=["threshold"],
        contract=contract,
    )


def calibrated_human(name: str, runs: Path) -> tuple[HvsSd, dict, dict]:
    """NAME with its absolute scale, how it was trained, and how it was calibrated.

    The networks that ship where RUNS holds none and NAME is the default's. Raises
    FileNotFoundError where it is not trained or not calibrated.
    """
    from training.train.human.calibration import calibrated
    from training.train.human.thresholds import load_thresholds

    model, note = load_thresholds(name, runs)
    calibration = {k: v for k, v in calibrated(name, runs).items() if k != "tried"}
    model.scale = calibration["scale"]
    return model, note, calibration
