"""The versions of a file in which a cloak is judged, and the standards that it may be held to.

Sites save a photo again and shrink it. What is named to the user (`LISTED`) is what such a site
does; a robust cloak is held to one quality step and 10 % of size beyond that as well (`RESERVE`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...images.jpeg import JpegSaving, of_quality
from ...images.picture import resize
from ...images.saved import halved, reencoded

PNG = ("png",)  # the file itself, whatever its format
COARSEST = of_quality(75)  # steps of a JPEG that is written: a robust cloak has to survive more
USUAL = of_quality(90)  # of one that is made of a picture that was none


def sized(pixels: np.ndarray, scale: float) -> np.ndarray:
    """uint8 H×W×3 at `scale` times its size, by Lanczos."""
    height, width = pixels.shape[:2]
    return resize(pixels, max(1, round(scale * width)), max(1, round(scale * height)))


def larger_and_back(pixels: np.ndarray, scale: float) -> np.ndarray:
    """`scale` times the size and back, by Lanczos."""
    return resize(sized(pixels, scale), pixels.shape[1], pixels.shape[0])


VERSIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "png": lambda pixels: pixels,
    "jpeg90": lambda pixels: reencoded(pixels, "JPEG", 90),
    "jpeg75": lambda pixels: reencoded(pixels, "JPEG", 75),
    "webp80": lambda pixels: reencoded(pixels, "WEBP", 80),
    "half": halved,
    "half+jpeg80": lambda pixels: reencoded(halved(pixels), "JPEG", 80),
    "1.5x+back": lambda pixels: larger_and_back(pixels, 1.5),
    "jpeg70": lambda pixels: reencoded(pixels, "JPEG", 70),
    "webp75": lambda pixels: reencoded(pixels, "WEBP", 75),
    "45%": lambda pixels: sized(pixels, 0.45),
    "45%+jpeg75": lambda pixels: reencoded(sized(pixels, 0.45), "JPEG", 75),
    "1.65x+back": lambda pixels: larger_and_back(pixels, 1.65),
}
WORDS = {  # what a site may do, listed of every cloaked file
    "jpeg90": "JPEG 90",
    "jpeg75": "JPEG 75",
    "webp80": "WebP 80",
    "half": "half size",
    "half+jpeg80": "half size and JPEG 80",
    "1.5x+back": "1.5 × and back",
}
LISTED = tuple(WORDS)
RESERVE = ("jpeg70", "webp75", "45%", "45%+jpeg75", "1.65x+back")
FILE_FORMATS = ("same", "png", "jpeg")
SCALES = {"half": 0.5, "half+jpeg80": 0.5, "45%": 0.45, "45%+jpeg75": 0.45}  # others: 1


@dataclass(frozen=True)
class Standard:
    """What a cloak is held to.

    versions: in all of which the file must reach the goal; first: those among them that the search
    begins with, the others join where they fail; margins: of the distance, by attempt; shaved:
    whether what holds may be made smaller until no margin is left; saving: how the file is saved
    where it is a JPEG, in the file itself and before all that is done to it.
    """

    versions: tuple[str, ...]
    first: tuple[str, ...]
    margins: tuple[float, ...]
    shaved: bool = False
    saving: JpegSaving | None = None

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """The versions, those first that are the hardest."""
        hard = tuple(name for name in self.versions if name in (*PNG, *RESERVE, "half+jpeg80"))
        easy = tuple(name for name in self.versions if name not in hard)
        return (hard, easy) if RESERVE[0] in hard else (self.versions,)


EXACT = Standard(PNG, PNG, (0.008, 0.008, 0.012, 0.016, 0.024, 0.04, 0.06), shaved=True)
# Which the published comparison of methods holds them to.
LASTING = Standard(
    ("png", "jpeg75", "half", "half+jpeg80"),
    ("png", "jpeg75", "half", "half+jpeg80"),
    (0.03, 0.05, 0.08, 0.12, 0.16),
)
ROBUST = Standard(
    (*PNG, *LISTED, *RESERVE),
    ("png", "webp75", "45%+jpeg75", "half+jpeg80"),
    (0.03, 0.04, 0.05, 0.06, 0.08, 0.12, 0.16),
)


def version(name: str, pixels: np.ndarray, saving: JpegSaving | None = None) -> np.ndarray:
    """One of `VERSIONS` of uint8 H×W×3; saving: how the file was saved before, if as a JPEG."""
    return VERSIONS[name](pixels if saving is None else saving.saved(pixels))


def saving_for(format: str, original: JpegSaving | None) -> JpegSaving | None:
    """How a cloaked photo is saved; None for a PNG.

    format: of `FILE_FORMATS`; original: how the photo was, if as a JPEG.
    """
    if format == "png" or (format == "same" and original is None):
        return None
    return USUAL if original is None else original.finer(COARSEST)
