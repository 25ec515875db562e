"""The networks that ship, in PyTorch, with the inputs and outputs of their exported graphs."""

from __future__ import annotations

from torch import Tensor, nn

from engine.models.locate import locate
from engine.models.registry import PANELS
from engine.networks.generator import Generator
from engine.networks.hvs import AttentionBranch, HvsSd, JndNetwork
from engine.networks.panel import Panel, scale_maps
from engine.networks.photo.generator import PhotoGenerator
from engine.networks.photo.panel import stored_photo_panel
from engine.networks.stored import contract, fill, stored_panel

from .subjects import Subject


class Classifiers(nn.Module):
    """A panel for 32×32: logits and CAM of each classifier, one after the other."""

    def __init__(self, panel: Panel):
        super().__init__()
        self.classifiers = panel.classifiers

    def forward(self, image: Tensor) -> list[Tensor]:
        outputs = []
        for classifier in self.classifiers.values():
            logits, maps = classifier.predict(image)
            outputs += [logits, scale_maps(maps, image.shape[2], image.shape[3])]
        return outputs


class PhotoClassifiers(Classifiers):
    """The photo panel: logits, CAM, and the CAM by channel, of each classifier."""

    def forward(self, image: Tensor) -> list[Tensor]:
        outputs = []
        for classifier in self.classifiers.values():
            features = classifier.features(image)
            logits = classifier.classify(features)
            evidence = classifier.evidence(features, logits.argmax(1))
            cam = scale_maps(evidence.sum(1, keepdim=True), image.shape[2], image.shape[3])
            outputs += [logits, cam, evidence]
        return outputs


class Single(nn.Module):
    """One network, its output in a list."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network


class Changes(Single):
    """A conditioned generator for 32×32."""

    def forward(
        self, image: Tensor, cams: Tensor, logits: Tensor, strength: Tensor
    ) -> list[Tensor]:
        return [self.network(2 * image - 1, cams, logits.argmax(2), strength, logits) / 2]


class PhotoChanges(Single):
    """The photo generator."""

    def forward(
        self, image: Tensor, evidence: Tensor, logits: Tensor, strength: Tensor, keep: Tensor
    ) -> list[Tensor]:
        confidence = logits.softmax(2).amax(2)
        return [self.network(2 * image - 1, evidence, confidence, strength, keep) / 2]


class Thresholds(Single):
    """The learned human JND."""

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.network(image)]


def network_of(subject: Subject, weights: str | None) -> nn.Module:
    """The network, or the panel's, with the weights that ship, frozen. Raises WeightsError."""
    if not subject.panel:
        path = locate(subject.models[0], weights).path
        scale = contract(path)["calibration"]["scale"]
        network = fill(HvsSd(AttentionBranch(), JndNetwork(), scale), path)
        return Thresholds(network).eval()
    if not subject.generates:
        if subject.panel == "photos":
            return PhotoClassifiers(stored_photo_panel(weights)).eval()
        return Classifiers(stored_panel(weights)[0]).eval()
    path = locate(subject.models[0], weights).path
    if subject.panel == "photos":
        members = len(PANELS["photos"].members)
        return PhotoChanges(fill(PhotoGenerator(members), path, "generator.")).eval()
    preset = contract(path)["training"]["preset"]
    chosen = {name: preset[name] for name in ("conditioned", "confident", "skips")}
    return Changes(fill(Generator(**chosen, norm=False), path, "generator.")).eval()
