"""What the frozen panel sees in the training images, computed once, and batches of it."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.classifiers import CLASSIFIERS
from engine.models import PANEL, locate
from engine.networks import Panel, scale_maps
from engine.stored import contract, fill

from . import checkpoint
from .classifiers import as_batch, load_classifier
from .data import LabelledImages


def load_panel(runs: Path) -> tuple[Panel, list[dict]]:
    """The frozen panel and how each classifier was trained.

    From RUNS/classifiers where all four are there, else from the exported panel that the engine
    would use (embedded, or JND_WEIGHTS).
    """
    paths = {name: runs / "classifiers" / f"{name}.safetensors" for name in CLASSIFIERS}
    if all(path.exists() for path in paths.values()):
        panel = Panel({name: load_classifier(path) for name, path in paths.items()})
        notes = [checkpoint.load(path)[1] for path in paths.values()]
        return panel.eval().requires_grad_(False), notes
    path = locate(PANEL).path
    print(f"{runs}/classifiers is not complete: using {path}", file=sys.stderr)
    panel = Panel({name: kind(norm=False) for name, kind in CLASSIFIERS.items()})
    return fill(panel, path, "panel."), contract(path)["training"]


def digest(panel: Panel) -> str:
    """A short name for the panel's weights."""
    whole = hashlib.sha256()
    for value in panel.state_dict().values():
        whole.update(value.cpu().numpy().tobytes())
    return whole.hexdigest()[:12]


@torch.no_grad()
def look(panel: Panel, images: Tensor, device: torch.device) -> dict[str, Tensor]:
    """What the panel answers on uint8 N×H×W×3: labels N×P, and unscaled maps.NAME N×1×h×w."""
    parts: dict[str, list[Tensor]] = {"labels": [], **{f"maps.{n}": [] for n in panel.names}}
    for batch in images.split(500):
        logits, maps = panel.look(as_batch(batch).to(device))
        parts["labels"].append(logits.argmax(2).cpu())
        for name, own in zip(panel.names, maps, strict=True):
            parts[f"maps.{name}"].append(own.half().cpu())
    return {key: torch.cat(values) for key, values in parts.items()}


def looks(
    panel: Panel, data: LabelledImages, split: str, runs: Path, device: torch.device
) -> dict[str, Tensor]:
    """`look` on the images (KEY.plain) and their mirror images (KEY.mirrored), kept in RUNS/looks.

    The file is named after the panel's weights and the images: another panel looks anew.
    """
    pictures = hashlib.sha256(data.images.tobytes()).hexdigest()[:12]
    path = runs / "looks" / f"{split}{len(data)}-{pictures}-{digest(panel)}.safetensors"
    if not path.exists():
        images = torch.from_numpy(data.images)
        sides = {"plain": images, "mirrored": images.flip(2)}
        tensors = {
            f"{key}.{side}": value
            for side, turned in sides.items()
            for key, value in look(panel, turned, device).items()
        }
        checkpoint.save(path, tensors, {"source": data.source, "n": len(data)})
    return checkpoint.load(path)[0]


@dataclass(frozen=True)
class Batch:
    """What one step needs: x N×3×H×W in 0…1, the panel's labels N×P, its CAMs N×P×H×W in 0…1."""

    x: Tensor
    labels: Tensor
    cams: Tensor


def take(
    images: Tensor,
    seen: dict[str, Tensor],
    names: tuple[str, ...],
    index: Tensor,
    mirrored: Tensor,
    device: torch.device,
) -> Batch:
    """The images of one step, each plain or mirrored, with what the panel saw on that side."""

    def side(key: str) -> Tensor:
        plain, turned = seen[f"{key}.plain"][index], seen[f"{key}.mirrored"][index]
        return torch.where(mirrored.view(-1, *[1] * (plain.ndim - 1)), turned, plain).to(device)

    x = as_batch(images[index])
    x = torch.where(mirrored[:, None, None, None], x.flip(3), x).to(device)
    cams = [scale_maps(side(f"maps.{name}").float(), *x.shape[2:]) for name in names]
    return Batch(x, side("labels"), torch.cat(cams, 1))
