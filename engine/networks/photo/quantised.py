"""Weights stored in 8 bits per output channel, or in half precision, and read back.

A large weight is stored as whole numbers -127…127 and one scale per output channel; what is used,
in every runtime, is their product in single precision. So what ships *is* the network: there is no
other, more exact one. Everything else is stored in half precision.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ...system.files import replacing

LARGEST = 127
SCALE = ".scale"  # ends the name of the scales of an 8-bit weight
SHRINKS = torch.linspace(0.6, 1, 41)  # shares of a channel's largest weight tried as its range


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A weight O×… -> (int8 of the same shape, float32 scales O).

    Of several ranges per channel, beyond which weights are cut off, the one of least squared error.
    """
    flat = weight.flatten(1)
    largest = flat.abs().amax(1).clamp_min(1e-12)
    least = torch.full_like(largest, torch.inf)
    numbers, scales = torch.zeros_like(flat), torch.zeros_like(largest)
    for shrink in SHRINKS:
        scale = largest * shrink / LARGEST
        rounded = (flat / scale[:, None]).round().clamp(-LARGEST, LARGEST)
        error = (rounded * scale[:, None] - flat).square().sum(1)
        better = error < least
        least = torch.where(better, error, least)
        numbers[better], scales[better] = rounded[better], scale[better]
    return numbers.to(torch.int8).view_as(weight), scales


def restored(numbers: Tensor, scales: Tensor) -> Tensor:
    """int8 O×… and scales O -> float32 O×…"""
    return numbers.float() * scales.view(-1, *(1,) * (numbers.ndim - 1))


def pack(network: nn.Module, in_8_bits: Callable[[str, Tensor], bool]) -> dict[str, Tensor]:
    """The tensors to store of a network; in_8_bits: by name and weight, whether it becomes int8."""
    stored = {}
    for name, tensor in network.state_dict().items():
        if tensor.ndim > 1 and in_8_bits(name, tensor):
            stored[name], stored[name + SCALE] = quantise(tensor)
        else:
            stored[name] = tensor.half()
    return stored


def unpack(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `pack` made -> the state of the network, float32."""
    return {
        name: restored(tensor, stored[name + SCALE])
        if tensor.dtype == torch.int8
        else tensor.float()
        for name, tensor in stored.items()
        if not name.endswith(SCALE)
    }


def save(path: Path, parts: dict[str, dict[str, Tensor]], metadata: dict[str, str]) -> None:
    """Several packed networks in one file, names PART.NAME."""
    tensors = {
        f"{part}.{name}": tensor.contiguous()
        for part, stored in parts.items()
        for name, tensor in stored.items()
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load(path: Path) -> dict[str, dict[str, Tensor]]:
    """PART -> state of the network, float32."""
    parts: dict[str, dict[str, Tensor]] = {}
    with safe_open(path, framework="pt") as file:
        for key in file.keys():  # noqa: SIM118
            part, _, name = key.partition(".")
            parts.setdefault(part, {})[name] = file.get_tensor(key)
    return {part: unpack(stored) for part, stored in parts.items()}
