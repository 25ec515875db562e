"""What a smaller file of a picture must keep: the panel's answers, and for eyes its look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arguments import check_number
from ..errors import ImageError
from ..images.picture import resize
from ..metrics import perceptual
from ..panels.aim import Aim, parse_keep
from ..panels.embedded import Panel
from ..panels.own import OwnPanel
from ..system.libraries import of_extra

JOD = (0.0, 10.0)  # 10 is no visible difference


class Kept:
    """Whether a picture keeps what a panel predicts of the original.

    panel: `engine.panels.own.open_panel`; pixels: the original, uint8 H×W×3 sRGB; keep: a word of
    `engine.panels.aim.parse_keep`; see: the least JOD against the original, or None. Raises
    UsageError, ImageError where no JOD can be had of a picture of that size, and SetupError where
    it needs a library that is missing.
    """

    def __init__(
        self,
        panel: Panel | OwnPanel,
        pixels: np.ndarray,
        keep: str = "top1",
        see: float | None = None,
    ):
        places, share = parse_keep(keep)
        self.panel, self.pixels, self.keep, self.see = panel, pixels, keep, see
        self.before = self.logits(pixels)
        members = panel.members(None)
        self.aim = Aim(self.before, members, places=places, share=share)
        self._doubtful: list[int] = []  # portions of the panel that lost something, the last first
        if see is not None:
            check_number("see", see, *JOD)
            check_visible(pixels)

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 H×W×3 of any size -> float32 P×classes, as the panel is given it."""
        return self.panel.logits_of(pixels[None])[0]

    def holds(self, pixels: np.ndarray) -> bool:
        """Whether a picture uint8 H×W×3 of any size keeps it all.

        It ends with the first classifier that does not: those that failed last are given it first.
        """
        portions = self.panel.portions(pixels[None])
        others = (each for each in range(len(portions)) if each not in self._doubtful)
        for number in (*self._doubtful, *others):
            rows, logits = portions[number]
            if not self.part(rows, logits := logits()).holds(logits)[0]:
                rest = (each for each in self._doubtful if each != number)
                self._doubtful = [number, *rest]
                return False
        return self.see is None or self.jod(pixels) >= self.see

    def part(self, rows: slice, logits: np.ndarray) -> Aim:
        """The aim of some members alone. logits: of them, N×p×classes, not padded."""
        before = self.before[rows, : logits.shape[2]]
        return replace(self.aim, before=before, members=range(len(before)))

    def jod(self, pixels: np.ndarray) -> float:
        """JOD of a picture uint8 H×W×3, enlarged to the original's size. Raises SetupError."""
        check_jod()
        height, width = self.pixels.shape[:2]
        return perceptual.jod(self.pixels, resize(pixels, width, height))


def check_jod() -> None:
    """Raise SetupError where no JOD can be had here: a library is missing or broken."""
    try:
        perceptual.colour_video_vdp()
    except (ImportError, OSError) as error:
        raise of_extra(error, "--see", "evaluation") from None


def check_visible(pixels: np.ndarray) -> None:
    """Raise ImageError where no JOD can be had of a picture uint8 H×W×3 for its size."""
    height, width = pixels.shape[:2]
    least, most = perceptual.SMALLEST["jod"], perceptual.LARGEST
    if min(height, width) < least or height * width > most:
        raise ImageError(
            f"a JOD needs {least} pixels a side and {most:,} at most, the picture is "
            f"{width}×{height}: leave --see out"
        )
