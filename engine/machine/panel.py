"""The panel: deep classifiers as exported graphs, and what each of them predicts of a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ..errors import UsageError
from ..images.picture import to_batch
from ..models import registry
from ..models.session import open_session
from .result import LabelChange


class Panel:
    """The P classifiers of `registry.PANEL`, loaded.

    weights, device: as `engine.machine.machine_jnd` takes them. Raises WeightsError, DeviceError.
    """

    def __init__(self, *, weights: str | os.PathLike | None = None, device: str = "auto"):
        self.sessions = tuple(
            open_session(name, weights=weights, device=device) for name in registry.PANEL
        )
        for session in self.sessions:
            session.expect({"image"}, ("logits", "cam"))
        contracts = [session.contract for session in self.sessions]
        self.classes: tuple[str, ...] = tuple(contracts[0]["classes"])
        self.classifiers: tuple[str, ...] = tuple(each["classifier"] for each in contracts)
        self.size: int = contracts[0]["size"]  # pixels, both ways

    def predict(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 N×H×W×3 -> logits float32 N×P×classes, CAMs float32 N×P×H×W in 0…1."""
        batch = to_batch(pixels)
        predictions = [session.run(image=batch) for session in self.sessions]
        logits = np.stack([logits for logits, _ in predictions], 1)
        return logits, np.concatenate([cam for _, cam in predictions], 1)

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
