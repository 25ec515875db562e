"""HVS-SD to ONNX: one graph from the picture to absolute thresholds.

The attention maps, which need the gradients of the degradation autoencoder, are replaced by the
branch that learned them; the autoencoder does not ship. `training.evaluate_human` measures what
that costs. The scale of the calibration is a constant of the graph.
"""

from __future__ import annotations

from pathlib import Path

import torch

from engine.hvs import MARGIN, STRIDE, HvsSd
from engine.models import HUMAN, LICENCE, MODELS

from .check import Parity, check_parity
from .graphs import SPATIAL, export, image_contract


def export_human(model: HvsSd, path: Path, *, training: dict, calibration: dict) -> None:
    """Write the graph: image -> threshold."""
    contract = {
        "inputs": {"image": image_contract()},
        "outputs": {"threshold": image_contract("0…, 1 is 255 levels")},
        "margin": MARGIN,  # pixels at the border that depend on the padding
        "stride": STRIDE,  # tiles begin at multiples of this
        "smallest": 1,
        "licence": LICENCE,
        "training": training,
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


def build_human(runs: Path, folder: Path, name: str) -> tuple[dict[str, dict], dict]:
    """Export and check NAME into `folder` -> how it was made, per file; parity, per file.

    Raises FileNotFoundError where it is not trained or not calibrated, ParityError.
    """
    from training.calibration import calibrated
    from training.human import load_human

    model, _, note = load_human(name, runs)
    calibration = {k: v for k, v in calibrated(name, runs).items() if k != "tried"}
    model.scale = calibration["scale"]
    kept = {key: value for key, value in note.items() if key != "history"}
    path = folder / MODELS[HUMAN].file
    export_human(model, path, training=kept, calibration=calibration)
    parity: list[Parity] = check_parity(model, path)
    return {path.name: note | {"calibration": calibration}}, {path.name: parity}
