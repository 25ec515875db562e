"""How visible a protection may be: a PSNR or a JOD of the face and half its width around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...arguments import check_choice, check_number
from ...errors import UsageError
from ...metrics.quality import psnr_8bit

PROTECTIONS = ("unseen",)
PSNR, SIDE = 35.0, 110  # dB, the default for a face of so many pixels, and of fewer
DOUBLED = 3.0  # dB more for one twice as large, where the same PSNR is seen more


@dataclass(frozen=True)
class Visibility:
    """What the change may cost on the face and half its width around it, one of two.

    psnr_db: at least so much; jod: at least so much, 10 is no visible difference; neither: the
    usual PSNR for a face of this size.
    """

    psnr_db: float | None = None
    jod: float | None = None

    def of(self, side: int) -> Visibility:
        """For a face of so many pixels: a measure and its value are known."""
        if self.psnr_db is not None or self.jod is not None:
            return self
        return Visibility(PSNR + DOUBLED * math.log2(max(1.0, side / SIDE)))

    def measured(self, before: np.ndarray, after: np.ndarray) -> float:
        """Of the face's part, uint8 H×W×3, before and after."""
        if self.jod is None:
            return psnr_8bit(before, after)
        from ...metrics.perceptual import jod

        return jod(before, after)

    @property
    def wanted(self) -> float:
        return self.psnr_db if self.jod is None else self.jod

    def factor(self, value: float) -> float:
        """By how much a change that measures `value` is to be scaled, to first order."""
        if self.jod is None:
            return 10 ** ((value - self.wanted) / 20)
        return max(0.2, min(3.0, (max(1e-3, 10 - self.wanted) / max(1e-3, 10 - value)) ** 0.7))


def check_protection(
    protect: object, psnr: object, jod: object, target: object, method: object
) -> None:
    """Raise UsageError unless protect is None or "unseen", and the others go with it."""
    if protect is None:
        if psnr is not None or jod is not None:
            raise UsageError("--psnr and --jod say how visible a protection may be: add --protect")
        return
    check_choice("protect", protect, PROTECTIONS)
    if target is not None:
        raise UsageError(
            "--protect leads away from a person, --target to one: give one of them (a --gallery of "
            "the person's other photos goes with --protect, and makes it stronger)"
        )
    if method != "ours":
        raise UsageError(f"--protect has a search of its own: leave out --method {method}")
    if psnr is not None and jod is not None:
        raise UsageError("--psnr and --jod are two measures of one thing: give one of them")
    if psnr is not None:
        check_number("psnr", psnr, 20, 60)
    if jod is not None:
        check_number("jod", jod, 5, 9.99)


def visibility_of(psnr_db: float | None, jod: float | None) -> Visibility:
    """By one of the two, or the default. Raises UsageError for a JOD without cvvdp."""
    if jod is None:
        return Visibility(psnr_db)
    from ...metrics.perceptual import EXTRA, colour_video_vdp

    try:
        colour_video_vdp()
    except ModuleNotFoundError:
        raise UsageError(f"--jod needs cvvdp: run {EXTRA}, or give --psnr") from None
    return Visibility(None, jod)
