"""What a marked picture is: its file, what it says, how far it is changed, what it survives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics.decibels import decibels, finite
from ..panels.predicted import LabelChange
from .changes import in_words
from .reader import Reading
from .signal.message import Payload


@dataclass(frozen=True)
class WatermarkedPhoto:
    """A picture that carries a payload, verified on the file.

    original, pixels: uint8 H×W×3 sRGB, pixels as the file gives them back. data: the file's bytes;
    format, suffix: of it. payload: what it carries; reading: what was read of the file, blindly.
    observer: whose threshold; strength: of the pattern's root mean square, as a multiple of it.
    survived: change -> whether the payload is read after it. labels: of each classifier before and
    after, of the observer machine; kept: they are the same (None for the observer human). psnr_db,
    jod: against the original; jod None where not wanted or not to be had.
    """

    original: np.ndarray
    pixels: np.ndarray
    data: bytes
    format: str
    suffix: str
    payload: Payload
    reading: Reading
    observer: str
    strength: float
    survived: dict[str, bool]
    psnr_db: float
    jod: float | None
    labels: tuple[LabelChange, ...]
    seconds: float
    notes: tuple[str, ...]

    @property
    def kept(self) -> bool | None:
        """Whether every classifier keeps its label."""
        return all(label.same for label in self.labels) if self.labels else None

    @property
    def summary(self) -> str:
        """One line."""
        kept = f" · all {len(self.labels)} classifiers keep their label" if self.labels else ""
        jod = "" if self.jod is None else f", JOD {self.jod:.2f}"
        return (
            f"{self.payload.bits} bits, read from the file · PSNR {decibels(self.psnr_db)}{jod} · "
            f"{self.strength:.3f} of the threshold{kept} · {in_words(self.survived)}"
        )

    def to_dict(self) -> dict:
        """As JSON. size is [width, height]."""
        return {
            "size": list(self.original.shape[1::-1]),
            "format": self.format,
            "bits": self.payload.bits,
            "text": self.payload.shown if self.payload.text else None,
            "hex": self.payload.data.hex(),
            "observer": self.observer,
            "strength": round(self.strength, 5),
            "psnr_db": finite(self.psnr_db),
            "jod": None if self.jod is None else round(self.jod, 4),
            "verified": self.reading.found,
            "labels_kept": self.kept,
            "labels": [label.to_dict() for label in self.labels],
            "survived": dict(self.survived),
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }
