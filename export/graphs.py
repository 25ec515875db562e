"""Trained networks as ONNX graphs: contract inside, source paths outside, half-precision weights.

Weights are already rounded to half precision by training, so storing them as fp16 with a Cast
in front halves the file and changes no result: ONNX Runtime folds the Cast when it loads, and
computes in single precision.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxslim
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from engine.models.registry import LICENCE
from engine.networks.classifiers import CIFAR10_CLASSES, CLASSIFIERS, Classifier
from engine.networks.generator import Generator
from engine.networks.panel import scale_maps
from engine.networks.photo.quantised import restored
from engine.networks.stored import HALF, INT8, SCALE, TURNED, initializers
from engine.system.files import write_bytes

OPSET = 20
MEMBERS = len(CLASSIFIERS)
SPATIAL = {axis: torch.export.Dim.DYNAMIC for axis in (0, 2, 3)}
SMALLEST = 8  # pixels; below that the classifiers' poolings have nothing left


class GeneratorGraph(nn.Module):
    """The paper's generator in the engine's units: picture and change on the 0…1 scale."""

    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, cams: Tensor) -> Tensor:
        """image N×3×H×W in 0…1, cams N×P×H×W in 0…1 -> change N×3×H×W in -0.5…0.5."""
        labels = torch.zeros_like(cams[:, :, 0, 0], dtype=torch.int64)  # not used
        return self.generator(2 * image - 1, cams, labels, cams[:, 0, 0, 0]) / 2


class ConditionedGraph(GeneratorGraph):
    """The conditioned generator: it also sees the panel's logits and a strength.

    Of the logits the top-1 alone, or where it is a confident one, the probabilities as well.
    """

    def forward(self, image: Tensor, cams: Tensor, logits: Tensor, strength: Tensor) -> Tensor:
        """As above; logits N×P×classes, strength N: 1 is what it was trained for."""
        return self.generator(2 * image - 1, cams, logits.argmax(2), strength, logits) / 2


def generator_graph(generator: Generator) -> GeneratorGraph:
    """What is exported of a generator."""
    return (ConditionedGraph if generator.conditioned else GeneratorGraph)(generator).eval()


class ClassifierGraph(nn.Module):
    """A classifier and its class activation map, in one pass."""

    def __init__(self, classifier: Classifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """image N×3×H×W in 0…1 -> logits N×classes, CAM N×1×H×W in 0…1."""
        logits, maps = self.classifier.predict(image)
        return logits, scale_maps(maps, image.shape[2], image.shape[3])


def image_contract(range_: str = "0…1") -> dict:
    return {"type": "float32", "layout": "N×3×H×W", "range": range_, "colour": "sRGB, R G B"}


def export_classifier(
    classifier: Classifier,
    path: Path,
    *,
    training: dict,
    stored: Mapping[str, Tensor] | None = None,
) -> None:
    """Write one classifier: image -> logits and CAM.

    stored: its weights as `quantised.pack` has them, where they are to be stored so.
    """
    contract = {
        "inputs": {"image": image_contract()},
        "outputs": {
            "logits": {"type": "float32", "layout": "N×classes"},
            "cam": {"type": "float32", "layout": "N×1×H×W", "range": "0…1"},
        },
        "classifier": training["classifier"],
        "classes": list(CIFAR10_CLASSES),
        "size": training["size"],
        "smallest": SMALLEST,
        "licence": LICENCE,
        "training": training,
    }
    export(
        ClassifierGraph(classifier).eval(),
        (torch.rand(2, 3, 40, 48),),
        path,
        dynamic_shapes={"image": SPATIAL},
        outputs=["logits", "cam"],
        contract=contract,
        eight_bits=eight_bits(stored or {}, "classifier."),
        fold=not stored,  # a weight's transpose is made from it, not stored beside it
    )


def export_generator(generator: Generator, path: Path, *, training: dict) -> None:
    """Write the generator: its inputs -> change, on the 0…1 scale."""
    inputs = {
        "image": image_contract(),
        "cams": {"type": "float32", "layout": "N×P×H×W", "range": "0…1"},
        "logits": {"type": "float32", "layout": "N×P×classes"},
        "strength": {"type": "float32", "layout": "N", "range": "0.2…1.8"},
    }
    example = {
        "image": torch.rand(2, 3, 40, 48),
        "cams": torch.rand(2, MEMBERS, 40, 48),
        "logits": torch.rand(2, MEMBERS, generator.classes),
        "strength": torch.ones(2),
    }
    batch = {0: torch.export.Dim.DYNAMIC}
    free = {"image": SPATIAL, "cams": SPATIAL, "logits": batch, "strength": batch}
    seen = tuple(inputs) if generator.conditioned else ("image", "cams")
    contract = {
        "inputs": {name: inputs[name] for name in seen},
        "outputs": {"change": image_contract("-0.5…0.5")},
        "smallest": SMALLEST,
        "licence": LICENCE,
        "training": training,
    }
    export(
        generator_graph(generator),
        tuple(example[name] for name in seen),
        path,
        dynamic_shapes={name: free[name] for name in seen},
        outputs=["change"],
        contract=contract,
    )


def export(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    *,
    dynamic_shapes: dict,
    outputs: list[str],
    contract: dict,
    eight_bits: Mapping[str, tuple[Tensor, Tensor]] | None = None,
    fold: bool = True,
) -> None:
    """Export, strip, narrow the weights' storage, add the contract, write.

    eight_bits: the int8 numbers and scales of those weights, by name, that are stored so. fold:
    compute beforehand what does not depend on the inputs.
    """
    program = torch.onnx.export(
        module,
        example,
        dynamo=True,
        dynamic_shapes=dynamic_shapes,
        output_names=outputs,
        opset_version=OPSET,
        external_data=False,
        verbose=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        program.save(raw)
        skipped = None if fold else ["constant_folding"]
        model = onnxslim.slim(onnx.load(raw), skip_optimizations=skipped)
    strip(model)
    quantise(model, eight_bits or {})
    halve(model)
    properties = {"contract": contract, "aliases": aliases(module, model)}
    helper.set_model_props(
        model,
        {key: json.dumps(value, ensure_ascii=False) for key, value in properties.items()}
        | {"licence": LICENCE},
    )
    onnx.checker.check_model(model, full_check=True)
    write_bytes(path, model.SerializeToString())


def strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter records of this machine and this run.

    Source lines, stack traces, its version, and the shapes of what is in between, which have other
    names in every run: the same network gives the same file.
    """
    model.doc_string = model.producer_name = model.producer_version = ""
    del model.metadata_props[:]
    graph = model.graph
    graph.doc_string = ""
    del graph.value_info[:]
    for parts in ([graph], graph.node, graph.input, graph.output):
        for part in parts:
            part.doc_string = ""
            del part.metadata_props[:]
    for tensor in graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]


def eight_bits(stored: Mapping[str, Tensor], prefix: str = "") -> dict[str, tuple[Tensor, Tensor]]:
    """The int8 weights and their scales of what `quantised.pack` made, by their names in a graph.

    prefix: what a graph's names begin with.
    """
    return {
        prefix + name: (tensor, stored[name + SCALE])
        for name, tensor in stored.items()
        if tensor.dtype == torch.int8
    }


def quantise(model: onnx.ModelProto, eight_bits: Mapping[str, tuple[Tensor, Tensor]]) -> None:
    """Store these weights as int8 with a scale per output channel, multiplied in the graph.

    Each must be, in the graph, the product of its numbers and scales, under its own name, or the
    transpose of that under any. Raises ValueError for one that is not.
    """
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    others = {name: numpy_helper.to_array(tensor) for name, tensor in weights.items()}
    nodes = []
    for name, (numbers, scales) in eight_bits.items():
        narrow = numpy_helper.from_array(numbers.numpy(), name + INT8)
        factors = numpy_helper.from_array(scales.float().numpy(), name + SCALE)
        product = restored(numbers, scales).numpy()
        if name in weights and np.array_equal(numpy_helper.to_array(weights[name]), product):
            held, turn = name, []
        elif (held := same(product.T, others)) is not None:
            turn = [helper.make_node("Transpose", [name], [held])]
        else:
            raise ValueError(f"the graph does not hold {name} as it is stored")
        graph.initializer.remove(weights[held])
        graph.initializer.extend([narrow, factors])
        nodes.append(
            helper.make_node("DequantizeLinear", [narrow.name, factors.name], [name], axis=0)
        )
        nodes += turn
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)


def halve(model: onnx.ModelProto) -> None:
    """Store each weight that is exactly a half-precision number as one, cast back in the graph."""
    graph = model.graph
    casts = []
    for index, tensor in enumerate(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or tensor.name.endswith(SCALE):
            continue
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if values.size < 64 or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        graph.initializer[index].CopyFrom(numpy_helper.from_array(half, name + HALF))
        casts.append(helper.make_node("Cast", [name + HALF], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def aliases(module: nn.Module, model: onnx.ModelProto) -> dict[str, str]:
    """Tensors of the module that the graph stores under the name of an equal one.

    With them the graph's weights can be loaded back into the module by name. A name that ends in
    `TURNED` is of the transposed tensor, as a linear layer over tokens is stored.
    """
    stored = initializers(model)
    names = {}
    for name, tensor in module.state_dict().items():
        if name not in stored:
            values = tensor.numpy()
            if (other := same(values, stored)) is None:
                if (turned := same(values.T, stored)) is None:
                    raise ValueError(f"the graph holds no tensor equal to {name}")
                other = turned + TURNED
            names[name] = other
    return names


def same(values: np.ndarray, stored: dict[str, np.ndarray]) -> str | None:
    """The name of an equal stored array."""
    return next((name for name, array in stored.items() if np.array_equal(array, values)), None)
