"""When an attack on an embedder succeeds: `Dodging` and `Impersonation`.

A criterion is any callable (outputs of the model, rows int64 n) -> margin float n, above 0 where
the attack succeeds, or logits n×K. rows: which pictures of the batch the outputs belong to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...arguments import check_choice, check_number
from ...errors import UsageError
from ..observers import Verification

METRICS = ("euclidean", "cosine")
STEEPNESS = 12  # default temperatures in a threshold, as for faces: 0.6 / 0.05


@dataclass(frozen=True, eq=False)
class Dodging:
    """Farther than `threshold` from every reference embedding: not recognised any more.

    references: float D or m×D for all pictures; for each its own: N×m×D, or a sequence of N arrays
    m×D, m ≥ 1. threshold: the distance up to which two embeddings match, above 0. metric:
    "euclidean" (of the outputs as they are), or "cosine", 1 - cos in 0…2. The margin is the
    distance beyond the threshold over the temperature, by default a twelfth of the threshold;
    for "cosine" all three are taken as Euclidean distances of unit vectors, √(2 (1 - cos)).
    Raises UsageError.
    """

    references: np.ndarray | Tensor | Sequence
    threshold: float
    metric: str = "euclidean"
    temperature: float | None = None
    targeted: bool = field(default=False, init=False)
    head: Verification = field(init=False, repr=False)
    count: int | None = field(init=False, repr=False)  # of pictures with references of their own
    width: int = field(init=False, repr=False)  # D

    def __post_init__(self) -> None:
        check_choice("metric", self.metric, METRICS)
        cosine = self.metric == "cosine"
        check_number("threshold", self.threshold, 0, 2 if cosine else math.inf)
        if self.threshold == 0 or not math.isfinite(self.threshold):
            raise UsageError(f"threshold {self.threshold!r}: give a distance above 0")
        enrolled, own = _enrolled(self.references)
        threshold = float(self.threshold)
        if cosine:
            enrolled = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in enrolled]
            threshold = math.sqrt(2 * threshold)
        temperature = threshold / STEEPNESS if self.temperature is None else self.temperature
        check_number("temperature", temperature, 0)
        if temperature == 0 or not math.isfinite(temperature):
            raise UsageError(f"temperature {temperature!r}: give a number above 0")
        object.__setattr__(self, "head", Verification(enrolled, threshold, float(temperature)))
        object.__setattr__(self, "count", len(enrolled) if own else None)
        object.__setattr__(self, "width", enrolled[0].shape[1])

    def likeness(self, embeddings: Tensor, rows: Tensor) -> Tensor:
        """How far below the threshold the nearest reference is, over the temperature, n."""
        if embeddings.ndim != 2 or embeddings.shape[1] != self.width:
            raise UsageError(
                f"embeddings of shape {tuple(embeddings.shape)}: the references have "
                f"{self.width} numbers each, give a model with outputs n×{self.width}"
            )
        if self.metric == "cosine":
            embeddings = F.normalize(embeddings, dim=1)
        rows = rows if self.count is not None else torch.zeros_like(rows)
        return self.head(embeddings[:, None], rows)[:, 0, 0]

    def __call__(self, embeddings: Tensor, rows: Tensor) -> Tensor:
        """Embeddings float32 n×D -> margins n."""
        return -self.likeness(embeddings, rows)


@dataclass(frozen=True, eq=False)
class Impersonation(Dodging):
    """Closer than `threshold` to one of the reference embeddings: recognised as that person.

    Arguments as for `Dodging`.
    """

    targeted: bool = field(default=True, init=False)

    def __call__(self, embeddings: Tensor, rows: Tensor) -> Tensor:
        """Embeddings float32 n×D -> margins n."""
        return self.likeness(embeddings, rows)


def _enrolled(references: object) -> tuple[list[np.ndarray], bool]:
    """References as `Dodging` takes them -> float32 m×D for each, whether a picture has its own."""
    own = isinstance(references, (list, tuple)) or getattr(references, "ndim", 0) == 3
    enrolled = [_embeddings(each) for each in (references if own else [references])]
    if not enrolled:
        raise UsageError("no references: give at least one embedding")
    widths = {each.shape[1] for each in enrolled}
    if len(widths) > 1:
        raise UsageError(f"references with {sorted(widths)} numbers: give embeddings of one model")
    return enrolled, own


def _embeddings(value: object) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        kind = getattr(value, "dtype", type(value).__name__)
        raise UsageError(f"references of {kind}: give arrays or tensors of floats, m×D")
    rows = np.atleast_2d(value).astype(np.float32)
    if rows.ndim != 2 or rows.size == 0 or not np.isfinite(rows).all():
        raise UsageError(f"references of shape {value.shape}: give finite embeddings, m×D")
    if (np.abs(rows).max(1) == 0).any():
        raise UsageError("a reference is zero everywhere: give the embedding of a picture")
    return rows
