"""The networks that generator presets train: built, gone on from, loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from engine.models import GENERATORS, locate
from engine.networks import Generator
from engine.stored import contract, fill

from . import checkpoint
from .data import DataError
from .presets import GeneratorPreset
from .shipped import history


def build(preset: GeneratorPreset, *, norm: bool = True) -> Generator:
    """The network that a preset trains; without its normalisation, as it is kept when finished."""
    return Generator(
        conditioned=preset.conditioned,
        confident=preset.confident,
        skips=preset.skips,
        norm=norm,
    )


def widened(tensors: dict[str, Tensor], network: Generator) -> dict[str, Tensor]:
    """A generator's tensors for a network that is told more, which it does not heed yet.

    Raises DataError where that is told less.
    """
    own, wide = network.state_dict(), {}
    for name, tensor in tensors.items():
        if name.startswith("shifts.") and tensor.ndim == 2:
            more = own[name].shape[1] - tensor.shape[1]
            if more < 0:
                raise DataError("it was told how sure each classifier is: tell it (confident=True)")
            tensor = F.pad(tensor, (0, more))
        wide[name] = tensor
    return wide


def begun(preset: GeneratorPreset, runs: Path) -> tuple[Generator, dict]:
    """The network as its training begins: anew, or as the one that it goes on from, and its note.

    That is a finished generator of RUNS, else the one of this name that ships. Raises DataError
    where there is neither, and where it was told more than the preset tells.
    """
    if not preset.begins:
        return build(preset), {}
    network = build(preset, norm=False)
    path = runs / "generators" / f"{preset.begins}.safetensors"
    if path.exists():
        tensors, note = checkpoint.load(path)
        network.load_state_dict(widened(tensors, network))
    elif preset.begins in GENERATORS:
        graph = locate(GENERATORS[preset.begins]).path
        note = contract(graph)["training"] | {"history": history(graph)}
        confident = note["preset"].get("confident", False)
        shipped = build(replace(preset, confident=confident), norm=False)
        fill(shipped, graph, "generator.")
        network.load_state_dict(widened(shipped.state_dict(), network))
    else:
        raise DataError(f"{path} is missing: `python -m training generator` it first")
    return network.requires_grad_(True), note


def load_generator(path: Path) -> tuple[Generator, dict]:
    """A folded, frozen generator from RUNS/generators/NAME.safetensors, and its note."""
    tensors, note = checkpoint.load(path)
    generator = build(GeneratorPreset(**note["preset"]), norm=False)
    generator.load_state_dict(tensors)
    return generator.eval().requires_grad_(False), note
