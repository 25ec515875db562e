"""A graph that computes in half precision, beside the one that ships, and what that costs.

Its input and output stay single precision, so the contract is the same. The file is hardly
smaller, for the usual graph stores half-precision weights already (see `graphs.halve`); it is for
devices that compute faster this way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel
from PIL import Image
from torch import Tensor, nn

from engine.images.picture import to_batch
from engine.images.samples import sample_paths
from engine.networks.stored import HALF
from engine.system.files import write_bytes

from .check import Parity, differences, distance, summary

ENDING = ".fp16.onnx"
CROPS = 256  # pictures of 32×32 pixels on which labels are compared
SEED = 0


def write_half(path: Path) -> Path:
    """NAME.onnx -> NAME.fp16.onnx beside it, metadata and all; returns its path."""
    model = onnx.load(path)
    restore(model)
    half = convert_float_to_float16(model, keep_io_types=True)
    OnnxModel.graph_topological_sort(half.graph)  # the converter puts its Casts at the end
    onnx.checker.check_model(half, full_check=True)
    written = path.with_name(path.stem + ENDING)
    write_bytes(written, half.SerializeToString())
    return written


def restore(model: onnx.ModelProto) -> None:
    """Undo `graphs.halve`: single-precision weights, no Cast of a weight."""
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer if tensor.name.endswith(HALF)}
    nodes = [node for node in graph.node if not stored.intersection(node.input)]
    for tensor in graph.initializer:
        if tensor.name in stored:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name.removesuffix(HALF)))
    del graph.node[:]
    graph.node.extend(nodes)


def half_report(module: nn.Module, path: Path, panel: Mapping[str, nn.Module]) -> dict:
    """Largest difference of every output over the grid, and how many labels stay.

    The labels are a classifier's own, or for a generator those that the panel gives to the
    changed pictures; on crops of the sample pictures, against single precision in PyTorch.
    """
    cases = list(differences(module, path))
    rows = summary(
        (case, name, distance(name, ours, theirs, case)) for case, name, ours, theirs in cases
    )
    report: dict = {"outputs": [vars(row) for row in rows]}
    logits = [(ours, theirs) for _, name, ours, theirs in cases if name == "logits"]
    if logits:  # where two classes are level, another label brings another map
        changed = sum(int((a.argmax(1) != b.argmax(1)).sum()) for a, b in logits)
        report["labels_changed_on_the_grid"] = changed
    agreement = labels_kept(rows, module, path, panel)
    if agreement is not None:
        report |= {
            "label_agreement": float(agreement.mean()),
            "labels": agreement.size,
            "crops": CROPS,
        }
    return report


@torch.no_grad()
def labels_kept(
    rows: list[Parity], module: nn.Module, path: Path, panel: Mapping[str, nn.Module]
) -> np.ndarray | None:
    """bool, one per label; None where the graph has to do with no labels."""
    x = crops()
    outputs = [row.output for row in rows]
    if "logits" in outputs:
        (theirs, _), (ours, _) = run(path, x), module(x)
        return np.asarray(theirs.argmax(1) == ours.argmax(1))
    if "change" not in outputs:
        return None
    predictions = [member(x) for member in panel.values()]
    seen = [
        x,
        torch.cat([cam for _, cam in predictions], 1),
        torch.stack([logits for logits, _ in predictions], 1),
        torch.ones(len(x)),
    ]
    (theirs,) = run(path, *seen)
    ours = module(*seen[: len(inputs_of(path))])
    changed = [((x + change).clamp(0, 1) * 255).round() / 255 for change in (ours, theirs)]
    labels = [[member(z)[0].argmax(1) for member in panel.values()] for z in changed]
    return np.asarray(torch.stack(labels[0]) == torch.stack(labels[1]))


def inputs_of(path: Path) -> list[str]:
    return [node.name for node in onnx.load(path).graph.input]


def run(path: Path, *tensors: Tensor) -> list[Tensor]:
    """The graph's outputs of as many of these as it has inputs."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    fed = {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=False)}
    return [torch.from_numpy(array) for array in session.run(None, fed)]


@lru_cache(maxsize=1)
def crops() -> Tensor:
    """float32 CROPS×3×32×32 in 0…1: parts of the sample pictures, scaled down."""
    random = np.random.default_rng(SEED)
    photos = [Image.open(path).convert("RGB") for path in sample_paths()]
    found = []
    for index in range(CROPS):
        photo = photos[index % len(photos)]
        side = int(random.integers(64, 256))
        left, top = (int(random.integers(0, length - side)) for length in photo.size)
        part = photo.crop((left, top, left + side, top + side))
        found.append(np.asarray(part.resize((32, 32), Image.Resampling.LANCZOS)))
    return torch.from_numpy(to_batch(np.stack(found)))
