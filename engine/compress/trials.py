"""Candidates for the smallest file of one picture: each is decoded and verified, the best is kept.

Every method of `engine.compress.methods` offers its files to one `Trials`.
"""

from __future__ import annotations

import numpy as np

from ..images.picture import resize
from ..machine.refine import Differentiable
from ..system.progress import Progress
from .encoded import Encoded
from .formats import Format, Setting, decoded
from .kept import Kept
from .result import Rule

USUAL = 15  # files that are verified for a picture, about


class Trials:
    """The files tried for one picture.

    kept: what they must keep; pixels: the original, uint8 H×W×3 sRGB; format: of the files;
    slopes: the panel with gradients, for a method that needs them; larger: how many times its
    smallest file the one that a search offers shall be. best: the smallest verified so far, plain:
    the smallest at standard settings, of which only the quality is chosen; None where there is none
    yet. rule: what the method `jnd` found, else None.
    """

    def __init__(
        self,
        kept: Kept,
        pixels: np.ndarray,
        format: Format,
        slopes: Differentiable | None = None,
        larger: float = 1.0,
    ):
        self.kept, self.pixels, self.format, self.slopes = kept, pixels, format, slopes
        self.larger = larger
        self.best: Encoded | None = None
        self.plain: Encoded | None = None
        self.rule: Rule | None = None
        self._files: dict[Setting, list[Encoded]] = {}
        self._verdicts: dict[Setting, bool] = {}
        self._sized = pixels  # at the resolution that was tried last
        self._offered = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the original in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def bytes(self) -> float:
        """Bytes of the best file, inf where there is none."""
        return float("inf") if self.best is None else len(self.best.data)

    def progress(self, doing: str) -> Progress:
        """A step; how many there will be is not known, USUAL of them are half of the work."""
        return Progress(doing, self._offered / (self._offered + USUAL))

    def files(self, setting: Setting) -> list[Encoded]:
        """The picture encoded so, the standard way first; encoded once."""
        if setting not in self._files:
            if self._sized.shape[1::-1] != setting.size:
                self._sized = resize(self.pixels, *setting.size)
            self._files[setting] = self.format.encode(self._sized, setting)
        return self._files[setting]

    def smallest(self, setting: Setting) -> int:
        """Bytes of the smallest of `files`."""
        return min(len(each.data) for each in self.files(setting))

    def holds(self, setting: Setting) -> bool:
        """Whether the picture encoded so keeps it all; verified once, and offered."""
        if setting not in self._verdicts:
            files = self.files(setting)
            held = self.offer(min(files, key=lambda each: len(each.data)))
            if held and self.standard(setting) and smaller(files[0], self.plain):
                self.plain = files[0]
            self._verdicts[setting] = held
        return self._verdicts[setting]

    def standard(self, setting: Setting) -> bool:
        """Whether only the quality was chosen."""
        return setting.size == self.size and setting.subsampling == self.format.subsamplings[0]

    def offer(self, encoded: Encoded) -> bool:
        """Decode a file and verify it; it becomes the best where it holds and is the smallest."""
        self._offered += 1
        held = self.kept.holds(decoded(encoded))
        if held and smaller(encoded, self.best):
            self.best = encoded
        return held


def smaller(one: Encoded, other: Encoded | None) -> bool:
    """Whether one file is smaller than the other, or there is no other."""
    return other is None or len(one.data) < len(other.data)
