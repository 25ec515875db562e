"""What became of a photo and its faces: the one result of a cloak, for command, demo and API."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..faces.verification import Match
from ..images.picture import encode_png
from ..metrics.decibels import finite
from .judge.survival import Survival


@dataclass(frozen=True)
class RecogniserVerdict:
    """One recogniser's distances to what is enrolled (or to the target), and its threshold.

    before: of the clean photo; after: of the least favourable version of the file.
    """

    before: float
    after: float
    threshold: float

    def to_dict(self) -> dict:
        """As JSON."""
        return {
            "distance_before": self.before,
            "distance_after": self.after,
            "threshold": self.threshold,
        }


@dataclass(frozen=True)
class CloakedFace:
    """One face of a photo, judged in the finished PNG.

    number: 1 is the photo's best (see `FaceFinder.find`); box: (left, top, right, bottom); before,
    after: distance to what is enrolled (or to the target), the first recogniser's, the least
    favourable version's after; distances: each version's; own: distance to the face as it was, the
    closest version's; threshold: of these; recognisers: before and after to each, by name;
    others: whether those it was not made against match the file's face with the face as it was;
    targeted: whether there was a target; success: as `engine.cloak.judge.verdict` decides; hurried:
    it was reached, but the time was over before the change was as small as it gets; survives: what
    of `engine.cloak.judge.versions.WORDS` this file does, empty without success; reserve: whether
    it holds one step beyond these too, None where that was not asked; psnr_db: of the face and half
    its width around it; attempts, gradients, seconds: the effort.
    """

    number: int
    box: tuple[int, int, int, int]
    before: float
    after: float
    distances: dict[str, float]
    own: float
    threshold: float
    recognisers: dict[str, RecogniserVerdict]
    others: dict[str, Match]
    targeted: bool
    success: bool
    hurried: bool
    survives: dict[str, Survival]
    reserve: bool | None
    psnr_db: float
    attempts: int
    gradients: int
    seconds: float

    @property
    def recognisable(self) -> bool:
        """Whether the recogniser still matches it with the face as it was."""
        return self.own < self.threshold

    def to_dict(self) -> dict:
        """As JSON."""
        return {
            "face": self.number,
            "box": list(self.box),
            "distance_before": self.before,
            "distance_after": self.after,
            "distances": self.distances,
            "distance_to_original": self.own,
            "recognisers": {name: each.to_dict() for name, each in self.recognisers.items()},
            "others": {name: each.to_dict() for name, each in self.others.items()},
            "targeted": self.targeted,
            "success": self.success,
            "stopped_early": self.hurried,
            "survives": {name: each.reached for name, each in self.survives.items()},
            "reserve": self.reserve,
            "face_psnr_db": finite(self.psnr_db),
            "attempts": self.attempts,
            "gradient_evaluations": self.gradients,
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True)
class CloakedPhoto:
    """A photo and what became of its faces.

    original, pixels: uint8 H×W×3, the second as the file is decoded; file: the bytes of the cloaked
    file, without metadata, and format, png or jpeg; success: of every face that
    was chosen. psnr_db: inf where nothing changed; largest: levels of the largest change;
    changed_share, beyond_share: of pixels with any change, and with one beyond the JND.
    """

    original: np.ndarray
    pixels: np.ndarray
    file: bytes
    format: str
    faces: tuple[CloakedFace, ...]
    psnr_db: float
    largest: int
    changed_share: float
    beyond_share: float
    notes: tuple[str, ...]

    @property
    def success(self) -> bool:
        return all(face.success for face in self.faces)

    @property
    def suffix(self) -> str:
        """Of the file's name."""
        return {"png": ".png", "jpeg": ".jpg"}[self.format]

    @property
    def png(self) -> bytes:
        """The pixels as a PNG: the file itself, or one that decodes alike."""
        return self.file if self.format == "png" else encode_png(self.pixels)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def to_dict(self) -> dict:
        """As JSON; psnr_db is null where nothing changed."""
        return {
            "size": list(self.size),
            "format": self.format,
            "bytes": len(self.file),
            "success": self.success,
            "psnr_db": finite(self.psnr_db),
            "largest_change": self.largest,
            "changed_share": round(self.changed_share, 6),
            "beyond_jnd_share": round(self.beyond_share, 6),
            "faces": [face.to_dict() for face in self.faces],
            "notes": list(self.notes),
        }
