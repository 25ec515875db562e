"""A graph of TensorFlow.js, read and computed node by node: what a converted network must equal."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import WeightsError


def read(folder: Path, name: str) -> tuple[dict[str, dict], dict[str, np.ndarray]]:
    """The graph's nodes by name, and its constants as they are stored. Raises WeightsError."""
    try:
        described = json.loads((folder / f"{name}.json").read_text())
        (group,) = described["weightsManifest"]
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        nodes = {node["name"]: node for node in described["modelTopology"]["node"]}
        constants, at = {}, 0
        for weight in group["weights"]:
            kind = np.dtype(weight.get("quantization", weight)["dtype"])
            count = math.prod(weight["shape"])
            values = np.frombuffer(data, kind, count, at)
            constants[weight["name"]] = values.reshape(weight["shape"])
            at += count * kind.itemsize
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{folder} holds no graph {name} of TensorFlow.js: {error}") from None
    if at != len(data):
        raise WeightsError(f"{folder}: {len(data)} bytes of weights, {at} are described")
    return nodes, constants


def stride_of(node: dict) -> int:
    return int(node["attr"]["strides"]["list"]["i"][1])


def computed(
    nodes: dict[str, dict], constants: dict[str, np.ndarray], x: Tensor, output: str
) -> Tensor:
    """What the graph computes of the placeholder x, n×3×H×W, at a node: node by node."""
    values: dict[str, Tensor] = {}

    def value(name: str) -> Tensor:
        if name not in values:
            values[name] = evaluated(nodes[name])
        return values[name]

    def padded(picture: Tensor, kernel: Tensor, stride: int) -> Tensor:
        margins = []
        for side, size in zip(picture.shape[:1:-1], kernel.shape[1::-1], strict=True):
            total = max(0, (math.ceil(side / stride) - 1) * stride + size - side)
            margins += [total // 2, total - total // 2]
        return F.pad(picture, margins)

    def evaluated(node: dict) -> Tensor:
        name, kind = node["name"], node["op"]
        if kind == "Placeholder":
            return x
        if kind == "Const":
            constant = torch.from_numpy(constants[name].astype(np.float64))
            return constant.view(1, -1, 1, 1) if constant.ndim == 1 else constant
        a, *others = (value(each) for each in node["input"])
        if kind in ("Conv2D", "DepthwiseConv2dNative"):
            (kernel,), stride = others, stride_of(node)
            groups = a.shape[1] if kind != "Conv2D" else 1
            weight = kernel.permute(3, 2, 0, 1) if groups == 1 else kernel.permute(2, 3, 0, 1)
            return F.conv2d(padded(a, kernel, stride), weight, stride=stride, groups=groups)
        if kind == "Mean":
            return a.mean((2, 3))
        work = {
            "Add": torch.add,
            "Mul": torch.mul,
            "Minimum": torch.minimum,
            "Maximum": torch.maximum,
            "Relu": torch.relu,
        }
        if kind not in work:
            raise WeightsError(f"{name} is a {kind}, which this graph should not need")
        return work[kind](a, *others)

    return value(output)
