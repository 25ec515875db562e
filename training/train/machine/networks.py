"""The networks that generator presets train: built, gone on from, loaded."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.locate import locate
from engine.models.registry import GENERATORS
from engine.networks.generator import Generator
from engine.networks.stored import contract, fill

from ...data.labelled import DataError
from ...records.shipped import history
from .. import checkpoint
from ..presets import GeneratorPreset

MERGED = 4  # channels that the paper's network sees: a picture and the merged CAM


def build(preset: GeneratorPreset, *, norm: bool = True) -> Generator:
    """The network that a preset trains; without its normalisation, as it is kept when finished."""
    return Generator(
        conditioned=preset.conditioned,
        confident=preset.confident,
        skips=preset.skips,
        norm=norm,
    )


def widened(tensors: dict[str, Tensor], network: Generator) -> dict[str, Tensor]:
    """A generator's tensors for a network with more inputs, whose weights are zero at first.

    The weight of the merged CAM becomes equal weights of the panel's, whose mean it is (eq. 2).
    Raises DataError where that has fewer.
    """
    if tensors.keys() - network.state_dict().keys():
        raise DataError("it was trained with each classifier's label: keep conditioned=True")
    wide = {}
    for name, own in network.state_dict().items():
        if name.startswith("shifts.") and name not in tensors:
            wide[name] = torch.zeros_like(own)
            continue
        tensor = tensors[name]
        if name == "encoder.0.conv.weight" and tensor.shape[1] == MERGED:
            members = own.shape[1] - MERGED + 1
            picture, cam = tensor.split([MERGED - 1, 1], 1)
            tensor = torch.cat([picture, cam.expand(-1, members, -1, -1) / members], 1)
        elif name.startswith("shifts.") and tensor.ndim == 2:
            more = own.shape[1] - tensor.shape[1]
            if more < 0:
                raise DataError(
                    "it was trained with the panel's probabilities: keep confident=True"
                )
            tensor = F.pad(tensor, (0, more))
        wide[name] = tensor
    return wide


@torch.no_grad()
def unfolded(folded: Generator, network: Generator, x: Tensor, cams: Tensor) -> Generator:
    """Copy a folded network of the paper's kind into `network`, with batch normalisation again.

    Its means and variances are those of the pictures x (N×3×H×W in -1…1) and their CAMs N×P×H×W
    in 0…1. Both compute the same function in evaluation mode, up to rounding: what a channel is
    divided by (LeakyReLU lets it through), the next layer multiplies it with. Raises DataError for
    a network with more inputs or with skips.
    """
    if network.conditioned or network.skips:
        raise DataError("only the paper's network goes on with batch normalisation")
    z = torch.cat([x, cams.mean(1, keepdim=True)], 1)
    scale = torch.ones(z.shape[1])
    layers = zip(
        (*folded.encoder, *folded.decoder), (*network.encoder, *network.decoder), strict=True
    )
    for old, new in layers:
        inputs = 0 if isinstance(old.conv, nn.ConvTranspose2d) else 1
        new.conv.weight.copy_(old.conv.weight * scale.view(-1, *(1,) * (3 - inputs)))
        z = new.pool(new.conv(z))
        variance, mean = torch.var_mean(z, (0, 2, 3), correction=0)
        new.bn.running_mean.copy_(mean)
        new.bn.running_var.copy_(variance)
        scale = (variance + new.bn.eps).sqrt()
        new.bn.bias.copy_((mean + old.conv.bias) / scale)
        z = F.leaky_relu((z + old.conv.bias.view(-1, 1, 1)) / scale.view(-1, 1, 1))
    network.output.weight.copy_(folded.output.weight * scale.view(-1, 1, 1))
    network.output.bias.copy_(folded.output.bias)
    return network


def begun(preset: GeneratorPreset, runs: Path) -> tuple[Generator, dict]:
    """The network as its training begins: anew, or as the one that it goes on from, and its note.

    That is a finished generator of RUNS, else the one of this name that ships. Raises DataError
    where there is neither, and where it has more inputs than the preset's.
    """
    if not preset.begins:
        if preset.normalised:
            raise DataError("normalised is for a preset that goes on: name what it begins with")
        return build(preset), {}
    network = build(preset, norm=False)
    path = runs / "generators" / f"{preset.begins}.safetensors"
    if path.exists():
        tensors, note = checkpoint.load(path)
    elif preset.begins in GENERATORS:
        graph = locate(GENERATORS[preset.begins]).path
        note = contract(graph)["training"] | {"history": history(graph)}
        shipped = build(GeneratorPreset(**note["preset"]), norm=False)
        tensors = fill(shipped, graph, "generator.").state_dict()
    else:
        raise DataError(f"{path} is missing: `python -m training generator` it first")
    if note["preset"]["skips"] != preset.skips:
        raise DataError(f"{preset.begins} and what goes on from it have skips, or both have none")
    network.load_state_dict(widened(tensors, network))
    return network.requires_grad_(True), note


def load_generator(path: Path) -> tuple[Generator, dict]:
    """A folded, frozen generator from RUNS/generators/NAME.safetensors, and its note."""
    tensors, note = checkpoint.load(path)
    generator = build(GeneratorPreset(**note["preset"]), norm=False)
    generator.load_state_dict(tensors)
    return generator.eval().requires_grad_(False), note
