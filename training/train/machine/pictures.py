"""What a generator is trained on: images, more of them made of these, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.networks.panel import Panel

from ...data.labelled import LabelledImages
from ..presets import GeneratorPreset
from .ambiguous import ambiguous, joined
from .classifiers import load_classifier
from .looks import looks, majority


def gathered(
    panel: Panel, train: LabelledImages, preset: GeneratorPreset, runs: Path, device: torch.device
) -> tuple[LabelledImages, dict[str, Tensor]]:
    """The images of a preset, and the panel's `looks` at them."""
    seen = looks(panel, train, "train", runs, device)
    if preset.mixtures:
        mixed, said = ambiguous(panel, train, preset.mixtures, preset.seed, runs, device)
        train = joined(train, mixed)
        seen = {key: torch.cat([value, said[key]]) for key, value in seen.items()}
    return train, seen


def with_assistants(
    panel: Panel,
    preset: GeneratorPreset,
    train: LabelledImages,
    seen: dict[str, Tensor],
    runs: Path,
    device: torch.device,
) -> tuple[Panel, list[Tensor]]:
    """Who is asked in training: the panel and the preset's assistants; what these are to say, N×Q.

    seen: the panel's looks at the images.
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
        most = torch.from_numpy(majority(seen["logits"].float().numpy()))
        told = most[:, None].expand(-1, len(loaded))
    else:
        told = looks(assistants, train, "train", runs, device)["labels"]
    return Panel(dict(panel.classifiers.items()) | loaded), [told]
