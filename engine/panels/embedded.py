"""An embedded panel: deep classifiers as exported graphs, and what each predicts of a picture."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from ..arguments import check_choice
from ..images.picture import resize, to_batch
from ..models import registry
from ..models.session import Session, open_session
from .predicted import Classifiers, Portion


@dataclass(frozen=True)
class Predictions:
    """What P classifiers predict of N pictures at h×w pixels.

    logits float32 N×P×classes; cams float32 N×P×h×w in 0…1, of each one's top-1 label (eq. 2);
    evidence float32 N×P×channels×h'×w', that map by channel of the last layer before it is scaled,
    or None where the panel has none.
    """

    logits: np.ndarray
    cams: np.ndarray
    evidence: np.ndarray | None = None


class Panel(Classifiers):
    """The P classifiers of a row of `registry.PANELS`, loaded.

    weights, device: as `engine.machine.machine_jnd` takes them. Raises WeightsError, DeviceError,
    and UsageError for an unknown name.
    """

    def __init__(
        self,
        name: str = "cifar10",
        *,
        weights: str | os.PathLike | None = None,
        device: str = "auto",
    ):
        check_choice("panel", name, registry.PANELS)
        row = registry.PANELS[name]
        self.name, self.own_size = name, row.own_size
        self.weights, self.device = weights, device
        self.sessions = tuple(
            open_session(member, weights=weights, device=device) for member in row.members
        )
        for session in self.sessions:
            session.expect({"image", "at", "pull"}, row.outputs)
        contracts = [session.contract for session in self.sessions]
        self.classes: tuple[str, ...] = tuple(contracts[0]["classes"])
        self.classifiers = tuple(each["classifier"] for each in contracts)
        self.class_names = (self.classes,) * len(contracts)
        self.size: int = contracts[0]["size"]  # pixels, both ways

    @property
    def basis(self) -> Panel:
        """The panel whose predictions a generator is given: this one (see `OwnPanel`)."""
        return self

    @property
    def description(self) -> str:
        """Its weights, in words."""
        located = [session.located for session in self.sessions]
        return ", ".join(f"{each.path.stem} {each.sha256[:8]}" for each in located)

    def given(self, size: tuple[int, int]) -> list[str]:
        """Notes for a report: how a picture of (width, height) is given to the classifiers."""
        side = f"{self.size}×{self.size}"
        if size == (self.size, self.size):
            return []
        if self.own_size:
            return [f"the panel is given it at {side}"]
        return [f"resized from {size[0]}×{size[1]} to the panel's {side}"]

    def view(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 -> uint8 N×size×size×3: the pictures as the classifiers are given them."""
        return np.stack([resize(each, self.size, self.size) for each in pixels])

    def predictions(self, pixels: np.ndarray) -> Predictions:
        """What the classifiers predict of uint8 N×h×w×3."""
        batch = to_batch(pixels)
        logits, cams, *evidence = zip(
            *(forward(session, batch) for session in self.sessions), strict=True
        )
        return Predictions(
            np.stack(logits, 1),
            np.concatenate(cams, 1),
            np.stack(evidence[0], 1) if evidence else None,
        )

    @property
    def differentiable(self) -> bool:
        """Whether the graphs give gradients."""
        return all("pull" in session.inputs for session in self.sessions)

    def gradient(self, pixels: np.ndarray, pulls: np.ndarray) -> np.ndarray:
        """The gradients of sum(pull · logits) with respect to one picture, each classifier's own.

        pixels uint8 1×h×w×3 at the panel's size; pulls float32 P×classes -> float32 P×3×h×w, of
        a picture in 0…1. A classifier whose pull is zero is not asked.
        """
        at = to_batch(pixels)
        gradients = np.zeros((len(pulls), *at.shape[1:]), np.float32)
        for index, (session, pull) in enumerate(zip(self.sessions, pulls, strict=True)):
            if pull.any():
                gradients[index] = session.run(image=at[:0], at=at, pull=pull[None])[-1][0]
        return gradients

    def predict(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 N×H×W×3 -> logits float32 N×P×classes, CAMs float32 N×P×H×W in 0…1."""
        predictions = self.predictions(pixels)
        return predictions.logits, predictions.cams

    def predict_labels(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 -> top-1 class int64 N×P of each classifier."""
        return self.predict(pixels)[0].argmax(2)

    def logits_of(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 of any size -> logits float32 N×P×classes, as the panel is given them."""
        return self.predictions(self.view(pixels)).logits

    def portions(self, pixels: np.ndarray) -> list[Portion]:
        """`logits_of`, each classifier by itself and only when it is called."""
        batch = to_batch(self.view(pixels))
        return [
            (
                slice(at, at + 1),
                lambda session=session: session.first(**inputs(session, batch))[:, None],
            )
            for at, session in enumerate(self.sessions)
        ]

    def labels_of(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 of any size -> top-1 class int64 N×P of each classifier."""
        return self.logits_of(pixels).argmax(2)


def forward(session: Session, batch: np.ndarray) -> list[np.ndarray]:
    """A classifier's outputs for pictures float32 N×3×h×w in 0…1, but for a gradient."""
    outputs = session.run(**inputs(session, batch))
    return outputs[:-1] if "pull" in session.inputs else outputs


def inputs(session: Session, batch: np.ndarray) -> dict[str, np.ndarray]:
    """What a classifier is given with pictures float32 N×3×h×w in 0…1, where no gradient is due."""
    none = np.empty((0, len(session.contract["classes"])), np.float32)
    return {"image": batch, "at": batch[:0], "pull": none}
