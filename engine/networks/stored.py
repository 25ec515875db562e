"""Weights of an exported graph, loaded back into the PyTorch network they came from.

One set of weights serves both runtimes: ONNX Runtime reads the graph, and what needs gradients
reads its tensors by name. Needs torch and onnx; imported lazily.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from ..errors import WeightsError
from ..models.locate import locate
from ..models.registry import PANEL
from .classifiers import CLASSIFIERS
from .panel import Panel

HALF = ".half"  # ends the name of a weight that is stored in half precision
INT8 = ".int8"  # … of one that is stored in 8 bits, with a scale per output channel in …
SCALE = ".scale"
TURNED = ".transposed"  # ends an alias of a weight that is stored transposed


def fill(module: nn.Module, path: Path, prefix: str = "") -> nn.Module:
    """Load a graph's weights into `module`, whose names in the graph begin with `prefix`.

    Returns the module in evaluation mode, frozen. Raises WeightsError where one is missing.
    """
    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    aliases = json.loads(metadata.get("aliases", "{}"))
    stored = initializers(model)
    state = {}
    for name, own in module.state_dict().items():
        alias = aliases.get(prefix + name, prefix + name)
        key = alias.removesuffix(TURNED)
        values = stored.get(key)
        if values is not None and alias != key:
            values = values.T
        if values is None or values.shape != tuple(own.shape):
            raise WeightsError(f"{path} holds no {key} of shape {tuple(own.shape)}: export it anew")
        state[name] = torch.tensor(values).float()
    module.load_state_dict(state)
    return module.eval().requires_grad_(False)


def weights_in(path: Path, prefix: str) -> dict[str, torch.Tensor]:
    """The weights of a graph whose names begin with `prefix`, without it: float32.

    For a graph that stores each under its own name.
    """
    return {
        name.removeprefix(prefix): torch.tensor(values).float()
        for name, values in initializers(onnx.load(path)).items()
        if name.startswith(prefix)
    }


def initializers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The weights of a graph by name, as they are used: half precision and 8 bits brought back."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    values = {}
    for name, array in stored.items():
        if name.endswith(INT8):
            name = name.removesuffix(INT8)
            scales = stored[name + SCALE].reshape(-1, *(1,) * (array.ndim - 1))
            values[name] = array.astype(np.float32) * scales
        elif name.removesuffix(SCALE) + INT8 not in stored:
            values[name.removesuffix(HALF)] = (
                array.astype(np.float32) if array.dtype == np.float16 else array
            )
    return values


def stored_panel(weights: str | os.PathLike | None = None) -> tuple[Panel, list[dict]]:
    """The exported panel, frozen, and how each classifier was trained.

    weights as in `engine.models.locate.locate`. Raises WeightsError.
    """
    classifiers, notes = {}, []
    for name, kind in zip(PANEL, CLASSIFIERS, strict=True):
        path = locate(name, weights).path
        classifiers[kind] = fill(CLASSIFIERS[kind](norm=False), path, "classifier.")
        notes.append(contract(path)["training"])
    return Panel(classifiers).eval().requires_grad_(False), notes


def contract(path: Path) -> dict:
    """The graph's contract: inputs, outputs, classes, licence, training."""
    model = onnx.load(path, load_external_data=False)
    return json.loads(next(e.value for e in model.metadata_props if e.key == "contract"))
