"""Does the exported graph compute what the network computes? PyTorch against ONNX Runtime.

Over a grid of batch sizes, heights, widths and contents: every output must agree to 1e-4 and
every label must be the same, or the export fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from engine.networks.classifiers import CIFAR10_CLASSES, CLASSIFIERS
from engine.networks.photo.efficientnet import CLASSES, WIDTH
from engine.networks.photo.panel import MEMBERS

TOLERANCE = 1e-4
SIZES = ((8, 8), (32, 32), (33, 47), (64, 24), (96, 96))  # height, width
PHOTO_SIZES = ((32, 32), (64, 96), (224, 224))
CHIP_SIZES = ((224, 224),)
BATCHES = (1, 3)
CONTENTS = ("noise", "black", "white", "ramp", "checks")


class ParityError(Exception):
    """The exported graph differs from the network it came from."""


@dataclass(frozen=True)
class Parity:
    """Largest absolute difference of one output over the grid, and where it was."""

    output: str
    largest: float
    where: str
    cases: int


def picture(content: str, batch: int, height: int, width: int) -> Tensor:
    """float32 N×3×H×W in 0…1 of one kind of content, the same at every call."""
    if content == "black":
        return torch.zeros(batch, 3, height, width)
    if content == "white":
        return torch.ones(batch, 3, height, width)
    rows = torch.linspace(0, 1, height)[:, None]
    columns = torch.linspace(0, 1, width)[None, :]
    if content == "ramp":
        plane = (rows + columns) / 2
        return torch.stack([plane, 1 - plane, plane**2]).expand(batch, -1, -1, -1).clone()
    if content == "checks":
        plane = (torch.arange(height)[:, None] // 4 + torch.arange(width)[None, :] // 4) % 2
        return plane.float().expand(batch, 3, -1, -1).clone()
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return torch.rand(batch, 3, height, width, generator=generator)


def inputs(names: list[str], content: str, batch: int, height: int, width: int) -> list[Tensor]:
    """One case of the grid for each input that a graph has: image, and maps and logits of noise."""
    members, classes = len(CLASSIFIERS), len(CIFAR10_CLASSES)
    if photos := {"evidence", "pull"}.intersection(names):
        members, classes = len(MEMBERS), CLASSES
    noise = picture("noise", batch * members, height, width)
    made = {
        "image": picture(content, batch, height, width),
        "chips": picture(content, batch, height, width),
        "cams": noise[:, 0].reshape(batch, members, height, width),
        "strength": torch.linspace(0.5, 1.5, batch),
        "keep": torch.arange(batch) % 2.0,
    }
    if photos:
        maps = picture("noise", batch * members, WIDTH // 3 + 1, height * width // 1024)
        flat = maps.flatten()[: batch * members * WIDTH * (height * width // 1024)]
        made["evidence"] = 0.02 * flat.reshape(batch, members, WIDTH, height // 32, width // 32)
        noise = picture("noise", batch * members, 1, classes)
        made["at"] = picture("noise", batch, height, width)
        made["pull"] = 1e-3 * picture("noise", batch, 1, classes)[:, 0, 0]
    made["logits"] = 8 * noise.flatten()[: batch * members * classes].reshape(batch, members, -1)
    return [made[name] for name in names]


@torch.no_grad()
def differences(module: nn.Module, path: Path) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Over the grid: case, output, what the module gives, what the graph gives."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]
    wanted = [node.name for node in session.get_inputs()]
    sizes = PHOTO_SIZES if "evidence" in (*names, *wanted) else SIZES
    sizes = CHIP_SIZES if "chips" in wanted else sizes
    for content, (height, width), batch in product(CONTENTS, sizes, BATCHES):
        case = f"{content} {batch}×3×{height}×{width}"
        tensors = inputs(wanted, content, batch, height, width)
        expected = module(*tensors)
        expected = [expected] if isinstance(expected, Tensor) else list(expected)
        fed = {name: tensor.numpy() for name, tensor in zip(wanted, tensors, strict=True)}
        for name, ours, theirs in zip(names, expected, session.run(None, fed), strict=True):
            yield case, name, ours.numpy(), theirs


def check_parity(module: nn.Module, path: Path, *, tolerance: float = TOLERANCE) -> list[Parity]:
    """Compare a module with its graph over the grid, every output of it.

    An output named "logits" must also have the same top-1. Raises ParityError.
    """
    return summary(
        (case, name, compare(name, ours, theirs, case, tolerance))
        for case, name, ours, theirs in differences(module, path)
    )


def summary(differences: Iterable[tuple[str, str, float]]) -> list[Parity]:
    """One row per output from (case, output, largest difference in it)."""
    rows: dict[str, Parity] = {}
    for case, name, difference in differences:
        row = rows.get(name, Parity(name, -1.0, "", 0))
        if difference > row.largest:
            row = replace(row, largest=difference, where=case)
        rows[name] = replace(row, cases=row.cases + 1)
    return list(rows.values())


def distance(name: str, expected: np.ndarray, actual: np.ndarray, case: str) -> float:
    """Largest absolute difference of one output. Raises ParityError for shape and no numbers."""
    if expected.shape != actual.shape:
        raise ParityError(f"{name} on {case}: shape {actual.shape}, expected {expected.shape}")
    if not np.isfinite(actual).all():
        raise ParityError(f"{name} on {case}: not finite")
    return float(np.abs(expected - actual).max())


def compare(
    name: str, expected: np.ndarray, actual: np.ndarray, case: str, tolerance: float
) -> float:
    """Largest absolute difference of one output. Raises ParityError beyond the tolerance."""
    difference = distance(name, expected, actual, case)
    if not difference < tolerance:  # also when one of them is no number
        raise ParityError(f"{name} on {case}: differs by {difference:.2e}, limit {tolerance:.0e}")
    if name == "logits" and not np.array_equal(expected.argmax(-1), actual.argmax(-1)):
        raise ParityError(f"{name} on {case}: another label")
    return difference
