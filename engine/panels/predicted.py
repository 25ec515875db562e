"""What classifiers predict, and how a label and its confidence change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError

# Which of the classifiers are computed together, and what computes them: N×their number×classes.
Portion = tuple[slice, Callable[[], np.ndarray]]


@dataclass(frozen=True)
class LabelChange:
    """One classifier's top-1 label before and after, with its softmax confidence in 0…1."""

    classifier: str
    before: str
    after: str
    confidence_before: float
    confidence_after: float

    @property
    def same(self) -> bool:
        """Whether the classifier keeps its label."""
        return self.before == self.after

    def to_dict(self) -> dict:
        """As JSON, confidences rounded to six digits."""
        return {
            "classifier": self.classifier,
            "before": self.before,
            "after": self.after,
            "confidence_before": round(self.confidence_before, 6),
            "confidence_after": round(self.confidence_after, 6),
        }


class Classifiers:
    """P classifiers by name, each with its own list of classes.

    classifiers: their names; class_names: of each the names of its classes, in the order of its
    logits. Where one has fewer classes than another, its row of logits ends in -inf.
    """

    classifiers: tuple[str, ...]
    class_names: tuple[tuple[str, ...], ...]

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
                before=classes[clean[index].argmax()],
                after=classes[changed[index].argmax()],
                confidence_before=float(clean[index].max()),
                confidence_after=float(changed[index].max()),
            )
            for index, (name, classes) in enumerate(
                zip(self.classifiers, self.class_names, strict=True)
            )
        )


def softmax(logits: np.ndarray) -> np.ndarray:
    """…×classes -> probabilities over the last axis; 0 for a logit of -inf."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def padded(logits: np.ndarray, classes: int) -> np.ndarray:
    """float32 N×p×c -> N×p×classes, -inf where the classifier has no such class."""
    missing = classes - logits.shape[2]
    return np.pad(logits, ((0, 0), (0, 0), (0, missing)), constant_values=-np.inf)
