"""The panel: deep classifiers as exported graphs, and what each of them predicts of a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arguments import check_choice
from ..errors import UsageError
from ..images.picture import resize, to_batch
from ..models import registry
from ..models.session import open_session
from .result import LabelChange


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


class Panel:
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
        self.sessions = tuple(
            open_session(member, weights=weights, device=device) for member in row.members
        )
        for session in self.sessions:
            session.expect({"image"}, row.outputs)
        contracts = [session.contract for session in self.sessions]
        self.classes: tuple[str, ...] = tuple(contracts[0]["classes"])
        self.classifiers: tuple[str, ...] = tuple(each["classifier"] for each in contracts)
        self.size: int = contracts[0]["size"]  # pixels, both ways

    def view(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 -> uint8 N×size×size×3: the pictures as the classifiers are given them."""
        return np.stack([resize(each, self.size, self.size) for each in pixels])

    def predictions(self, pixels: np.ndarray) -> Predictions:
        """What the classifiers predict of uint8 N×h×w×3."""
        batch = to_batch(pixels)
        logits, cams, *evidence = zip(
            *(session.run(image=batch) for session in self.sessions), strict=True
        )
        return Predictions(
            np.stack(logits, 1),
            np.concatenate(cams, 1),
            np.stack(evidence[0], 1) if evidence else None,
        )

    def predict(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 N×H×W×3 -> logits float32 N×P×classes, CAMs float32 N×P×H×W in 0…1."""
        predictions = self.predictions(pixels)
        return predictions.logits, predictions.cams

    def predict_labels(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 -> top-1 class int64 N×P of each classifier."""
        return self.predict(pixels)[0].argmax(2)

    def members(self, names: str | Sequence[str] | None) -> list[int]:
        """Indices 0…P-1 of the classifiers of these names; all where None. Raises UsageError."""
        if names is None:
            return list(range(len(self.classifiers)))
        names = [names] if isinstance(names, str) else list(names)
        unknown = set(names) - set(self.classifiers)
        if unknown or not names:
            known = ", ".join(self.classifiers)
            wrong = ", ".join(sorted(map(str, unknown))) or "none"
            raise UsageError(f"classifiers {wrong}: choose one or more of {known}")
        return [index for index, name in enumerate(self.classifiers) if name in names]

    def label_changes(self, before: np.ndarray, after: np.ndarray) -> tuple[LabelChange, ...]:
        """logits P×classes before and after -> one `LabelChange` per classifier."""
        clean, changed = softmax(before), softmax(after)
        return tuple(
            LabelChange(
                classifier=name,
                before=self.classes[clean[index].argmax()],
                after=self.classes[changed[index].argmax()],
                confidence_before=float(clean[index].max()),
                confidence_after=float(changed[index].max()),
            )
            for index, name in enumerate(self.classifiers)
        )


def softmax(logits: np.ndarray) -> np.ndarray:
    """…×classes -> probabilities over the last axis."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)
