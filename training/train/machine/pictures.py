"""What a generator is trained on: images, mixtures of them, and the panel's predictions."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.networks.panel import Panel

from ...data.labelled import LabelledImages
from ..presets import GeneratorPreset
from .ambiguous import ambiguous, joined
from .classifiers import load_classifier
from .predictions import majority, panel_predictions


def gathered(
    panel: Panel, train: LabelledImages, preset: GeneratorPreset, runs: Path, device: torch.device
) -> tuple[LabelledImages, dict[str, Tensor]]:
    """The images of a preset, and the panel's predictions for them."""
    predictions = panel_predictions(panel, train, "train", runs, device)
    if preset.mixtures:
        mixed, others = ambiguous(panel, train, preset.mixtures, preset.seed, runs, device)
        train = joined(train, mixed)
        predictions = {key: torch.cat([value, others[key]]) for key, value in predictions.items()}
    return train, predictions


def with_assistants(
    panel: Panel,
    preset: GeneratorPreset,
    train: LabelledImages,
    predictions: dict[str, Tensor],
    runs: Path,
    device: torch.device,
) -> tuple[Panel, list[Tensor]]:
    """The classifiers of a training, the panel and the preset's assistants; labels of these, N×Q.

    The labels are those that the assistants are to predict for the distorted images. predictions:
    the panel's for the images.
    """
    if not preset.assistants:
        return panel, []
    loaded = {
        name: load_classifier(runs / "classifiers" / f"{name}.safetensors")[0]
        for name in preset.assistants
    }
    assistants = Panel(loaded).eval().requires_grad_(False)
    assistants.to(device, memory_format=torch.channels_last)
    if preset.universal:
        most = torch.from_numpy(majority(predictions["logits"].float().numpy()))
        labels = most[:, None].expand(-1, len(loaded))
    else:
        labels = panel_predictions(assistants, train, "train", runs, device)["labels"]
    return Panel(dict(panel.classifiers.items()) | loaded), [labels]
