"""The photo panel's classifiers and their generator as ONNX graphs, in the engine's units."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.models.registry import LICENCE
from engine.networks.panel import scale_maps
from engine.networks.photo import quantised
from engine.networks.photo.adjoint import pulled
from engine.networks.photo.efficientnet import CLASSES, SIZE, WIDTH, EfficientNetLite
from engine.networks.photo.generator import PhotoGenerator

from ..graphs import SPATIAL, eight_bits, export, image_contract

BATCH = {0: torch.export.Dim.DYNAMIC}
SMALLEST = 32  # pixels, and the classifiers' sides are multiples of it: their padding is fixed
STRENGTHS = "0.2…1.8"  # that the engine takes; the training's are in its preset


class PhotoClassifierGraph(nn.Module):
    """A classifier, the map of its top-1 label, that map by channel; and a gradient.

    Two computations with one set of weights: either is given pictures, the other a batch of none.
    """

    def __init__(self, classifier: EfficientNetLite):
        super().__init__()
        self.classifier = classifier

    def forward(
        self, image: Tensor, at: Tensor, pull: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-> logits N×1000, CAM N×1×H×W in 0…1, evidence N×1280×h×w, gradient K×3×H'×W'.

        image N×3×H×W in 0…1. The gradient is that of sum(pull · logits) at the pictures `at`,
        K×3×H'×W' in 0…1; pull K×1000.
        """
        features = self.classifier.features(image)
        logits = self.classifier.classify(features)
        evidence = self.classifier.evidence(features, logits.argmax(1))
        cam = scale_maps(evidence.sum(1, keepdim=True), image.shape[2], image.shape[3])
        return logits, cam, evidence, pulled(self.classifier, at, pull)


class PhotoGeneratorGraph(nn.Module):
    """The photo generator in the engine's units: picture and change on the 0…1 scale."""

    def __init__(self, generator: PhotoGenerator):
        super().__init__()
        self.generator = generator

    def forward(
        self, image: Tensor, evidence: Tensor, logits: Tensor, strength: Tensor, keep: Tensor
    ) -> Tensor:
        """-> change N×3×H×W in -0.5…0.5.

        image N×3×H×W in 0…1; evidence N×P×1280×h×w and logits N×P×1000 of the panel for it;
        strength N: 1 is the usual magnitude; keep N: 1 where the confidence is to be kept as well.
        """
        confidence = logits.softmax(2).amax(2)
        return self.generator(2 * image - 1, evidence, confidence, strength, keep) / 2


def export_photo_classifier(
    variant: str, stored: Mapping[str, Tensor], classes: list[str], path: Path, *, training: dict
) -> None:
    """Write one classifier, stored as `quantised.pack` has it, as `PhotoClassifierGraph`."""
    evidence = {"type": "float32", "layout": f"N×{WIDTH}×h×w", "of": "its top-1 label"}
    export(
        PhotoClassifierGraph(restored_classifier(variant, stored)).eval(),
        (torch.rand(2, 3, 64, 96), torch.rand(3, 3, 96, 128), torch.rand(3, CLASSES)),
        path,
        dynamic_shapes={"image": SPATIAL, "at": SPATIAL, "pull": BATCH},
        outputs=["logits", "cam", "evidence", "gradient"],
        contract={
            "inputs": {
                "image": image_contract(),
                "at": image_contract() | {"layout": "K×3×H'×W'"},
                "pull": {"type": "float32", "layout": "K×classes", "of": "the logits of `at`"},
            },
            "outputs": {
                "logits": {"type": "float32", "layout": "N×classes"},
                "cam": {"type": "float32", "layout": "N×1×H×W", "range": "0…1"},
                "evidence": evidence,
                "gradient": {"type": "float32", "layout": "K×3×H'×W'", "of": "sum(pull · logits)"},
            },
            "classifier": training["classifier"],
            "classes": classes,
            "size": SIZE,
            "smallest": SMALLEST,
            "licence": LICENCE,
            "training": training,
        },
        eight_bits=eight_bits(stored, "classifier."),
        fold=False,  # a weight's transpose is made from it, not stored beside it
    )


def restored_classifier(variant: str, stored: Mapping[str, Tensor]) -> EfficientNetLite:
    """The network that packed weights are."""
    network = EfficientNetLite(variant)
    network.load_state_dict(quantised.unpack(dict(stored)))
    return network.eval().requires_grad_(False)


def export_photo_generator(
    generator: PhotoGenerator, stored: Mapping[str, Tensor], path: Path, *, training: dict
) -> None:
    """Write the generator, stored as `quantised.pack` has it: its inputs -> change."""
    members = generator.members
    number = {"type": "float32", "layout": "N"}
    inputs = {
        "image": image_contract(),
        "evidence": {"type": "float32", "layout": f"N×P×{WIDTH}×h×w"},
        "logits": {"type": "float32", "layout": "N×P×classes"},
        "strength": number | {"range": STRENGTHS},
        "keep": number | {"range": "0 or 1: the confidence is to be kept as well"},
    }
    example = (
        torch.rand(2, 3, 64, 96),
        torch.rand(2, members, WIDTH, 2, 3),
        torch.rand(2, members, CLASSES),
        torch.ones(2),
        torch.zeros(2),
    )
    maps = {axis: torch.export.Dim.DYNAMIC for axis in (0, 3, 4)}
    shapes = (SPATIAL, maps, BATCH, BATCH, BATCH)
    export(
        PhotoGeneratorGraph(generator).eval(),
        example,
        path,
        dynamic_shapes=dict(zip(inputs, shapes, strict=True)),
        outputs=["change"],
        contract={
            "inputs": inputs,
            "outputs": {"change": image_contract("-0.5…0.5")},
            "smallest": SMALLEST,
            "licence": LICENCE,
            "training": training,
        },
        eight_bits=eight_bits(stored, "generator."),
    )
