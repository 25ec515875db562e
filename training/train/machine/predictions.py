"""The frozen panel's predictions for the training images, computed once, and batches of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.networks.classifiers import CLASSIFIERS
from engine.networks.panel import Panel, scale_maps
from engine.networks.stored import stored_panel
from engine.panels.predicted import softmax

from ...data.labelled import LabelledImages
from ...records.log import log
from .. import checkpoint
from .classifiers import as_batch, load_classifier


def trained_panel(runs: Path) -> dict[str, Path]:
    """The panel's classifiers and where RUNS holds them; none where it does not hold all four."""
    paths = {name: runs / "classifiers" / f"{name}.safetensors" for name in CLASSIFIERS}
    return paths if all(path.exists() for path in paths.values()) else {}


def load_panel(runs: Path) -> tuple[Panel, list[dict]]:
    """The frozen panel and how each classifier was trained.

    From RUNS/classifiers where all four are there, else from the exported panel that the engine
    would use (embedded, or JND_WEIGHTS).
    """
    paths = trained_panel(runs)
    if paths:
        loaded = {name: load_classifier(path) for name, path in paths.items()}
        panel = Panel({name: network for name, (network, _) in loaded.items()})
        return panel.eval().requires_grad_(False), [note for _, note in loaded.values()]
    log(f"{runs}/classifiers is not complete: using the exported panel")
    return stored_panel()


def digest(panel: Panel) -> str:
    """A short name for the panel's weights."""
    whole = hashlib.sha256()
    for value in panel.state_dict().values():
        whole.update(value.cpu().numpy().tobytes())
    return whole.hexdigest()[:12]


@torch.no_grad()
def panel_predictions(
    panel: Panel, data: LabelledImages, split: str, runs: Path, device: torch.device
) -> dict[str, Tensor]:
    """The panel's logits float16 N×P×classes, labels int64 N×P, their top-1, and the unscaled
    class activation maps, maps.NAME float16 N×1×h×w.

    Kept in RUNS/predictions, in a file named after the panel's weights and the images. They serve
    for the mirror image as well: a classifier's logits are the same, and its map is mirrored.
    """
    pictures = hashlib.sha256(data.images.tobytes()).hexdigest()[:12]
    name = f"{split}{len(data)}-logits-{pictures}-{digest(panel)}.safetensors"
    path = runs / "predictions" / name
    if not path.exists():
        kinds = ("logits", "labels", *(f"maps.{name}" for name in panel.names))
        parts: dict[str, list[Tensor]] = {kind: [] for kind in kinds}
        for batch in torch.from_numpy(data.images).split(500):
            logits, maps = panel.predict(as_batch(batch).to(device))
            parts["logits"].append(logits.half().cpu())
            parts["labels"].append(logits.argmax(2).cpu())
            for name, own in zip(panel.names, maps, strict=True):
                parts[f"maps.{name}"].append(own.half().cpu())
        tensors = {key: torch.cat(values) for key, values in parts.items()}
        checkpoint.save(path, tensors, {"source": data.source, "n": len(data)})
    return checkpoint.load(path)[0]


@dataclass(frozen=True)
class Batch:
    """What one step needs: x N×3×H×W in 0…1; the panel's labels N×P, its logits N×P×classes, its
    CAMs N×P×H×W in 0…1. Assistants have labels only.
    """

    x: Tensor
    labels: Tensor
    logits: Tensor
    cams: Tensor


def take(
    images: Tensor,
    predictions: dict[str, Tensor],
    names: tuple[str, ...],
    index: Tensor,
    mirrored: Tensor,
    device: torch.device,
) -> Batch:
    """The images of one step, each plain or mirrored, with the panel's predictions for them.

    images and predictions may lie on the device already, then index and mirrored as well.
    """

    def turn(tensors: Tensor) -> Tensor:
        return torch.where(mirrored[:, None, None, None], tensors.flip(3), tensors).to(device)

    x = turn(as_batch(images[index]))
    cams = [
        scale_maps(turn(predictions[f"maps.{name}"][index].float()), *x.shape[2:]) for name in names
    ]
    labels, logits = (predictions[kind][index].to(device) for kind in ("labels", "logits"))
    return Batch(x, labels, logits.float(), torch.cat(cams, 1))


def majority(logits: np.ndarray) -> np.ndarray:
    """float N×P×classes -> the majority vote N; a tie goes to the more confident ones."""
    votes = np.eye(logits.shape[2])[logits.argmax(2)].sum(1)
    return (votes + softmax(logits).mean(1) / 2).argmax(1)
