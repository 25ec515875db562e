"""The recognisers of faces, as rows of one table, and how they see a photo without PyTorch.

A recogniser is given a chip, aligned as dlib does it but with its own framing, and computes an
embedding. Two photos are of one person where the Euclidean distance of theirs is below its
threshold; `faceres` has embeddings of length 1, so that this is a statement about their cosine.
dlib's is its own C++ network here, the others run in ONNX Runtime; the same networks with a
gradient are `engine.networks.faces.loading`. To add one, add a row, its file to
`engine.models.registry`, and its network there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..errors import UsageError
from ..models.registry import ALL, FACERES, RECOGNISER, RECOGNISER_NAMES
from ..models.session import Session, open_session
from .chip import DLIB, Framing
from .finder import SAME, Face, FaceFinder


@dataclass(frozen=True)
class RecogniserRow:
    """One recogniser.

    model: its row of `engine.models.registry.MODELS`; framing: of its chips; size: numbers of an
    embedding; threshold: the distance below which two photos are of one person, where nothing else
    is said; false_matches: for a share of different people taken for one, the threshold that has
    it, on people of LFW (`training/results/recognisers.json`); unit: embeddings have length 1.
    """

    name: str
    model: str
    framing: Framing
    size: int
    threshold: float
    false_matches: dict[float, float]
    unit: bool = False

    def chip(self, finder: FaceFinder, pixels: np.ndarray, face: Face) -> np.ndarray:
        """The face in uint8 H×W×3 as this recogniser is given it, uint8 S×S×3."""
        return finder.chip(pixels, face, self.framing)

    def describe(
        self,
        finder: FaceFinder,
        pixels: np.ndarray,
        face: Face,
        weights: str | os.PathLike | None = None,
    ) -> np.ndarray:
        """Its embedding of the face, float32 `size`. weights: as in `engine.models.locate`.

        Raises WeightsError.
        """
        return self.describe_chip(finder, self.chip(finder, pixels, face), weights)

    def describe_chip(
        self, finder: FaceFinder, chip: np.ndarray, weights: str | os.PathLike | None = None
    ) -> np.ndarray:
        """`describe` of a chip uint8 S×S×3."""
        if self.name == "dlib":
            return finder.describe_chip(chip)
        batch = np.ascontiguousarray(chip.transpose(2, 0, 1)[None], np.float32) / 255
        return _session(self.model, weights).run(chips=batch)[0][0]


RECOGNISERS = {
    row.name: row
    for row in (
        RecogniserRow(
            name="dlib",
            model=RECOGNISER,
            framing=DLIB,
            size=128,
            threshold=SAME,
            false_matches={0.01: 0.618, 0.001: 0.549},
        ),
        RecogniserRow(
            name="faceres",
            model=FACERES,
            # Of 0.25, 0.4 and 0.55 the largest area under the curve, on people of LFW who serve for
            # nothing else, and larger than of the middle 140 pixels of LFW's own alignment.
            framing=Framing(side=224, padding=0.4),
            size=1024,
            threshold=0.946,
            false_matches={0.01: 0.946, 0.001: 0.882},
            unit=True,
        ),
    )
}


def named(names: str | tuple[str, ...] = ALL) -> tuple[RecogniserRow, ...]:
    """Rows by name, "dlib,faceres" or a tuple, each once; "all" of them. Raises UsageError."""
    parts = names.split(",") if isinstance(names, str) else names
    wanted = list(dict.fromkeys(part.strip() for part in parts))
    if wanted == [ALL]:
        return tuple(RECOGNISERS.values())
    for name in wanted:
        if name not in RECOGNISERS:
            known = ", ".join(RECOGNISER_NAMES)
            raise UsageError(f"no recogniser {name!r}: choose from {known}, several with a comma")
    return tuple(RECOGNISERS[name] for name in wanted)


@lru_cache
def _session(model: str, weights: str | os.PathLike | None) -> Session:
    return open_session(model, weights=weights, device="cpu")
