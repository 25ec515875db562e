"""What happens to pictures on their way: the changes that a marked file is tested with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..images.picture import resize
from ..images.saved import halved, reencoded

CROP = 0.9  # of each side is left, begun at a place that no block of 8 or 16 pixels begins at
BRIGHTER, DARKER = 1.1, 0.9
NOISE = 5.0  # deviation in levels
SEED = 0

Change = Callable[[np.ndarray], np.ndarray]


def saved(kind: str, quality: int) -> Change:
    """As a JPEG or WebP of this quality, by Pillow, and decoded again."""

    return lambda pixels: reencoded(pixels, kind, quality)


def halved_and_back(pixels: np.ndarray) -> np.ndarray:
    """At half size, and enlarged again."""
    return resize(halved(pixels), pixels.shape[1], pixels.shape[0])


def halved_and_saved(pixels: np.ndarray) -> np.ndarray:
    """At half size, as a JPEG of quality 75: as sites share pictures."""
    return saved("JPEG", 75)(halved(pixels))


def cropped(pixels: np.ndarray) -> np.ndarray:
    """A tenth of each side cut off, a third of it from above and the left."""
    height, width = (round(CROP * side) for side in pixels.shape[:2])
    top, left = (
        (side - rest) // 3 for side, rest in zip(pixels.shape[:2], (height, width), strict=True)
    )
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def brightened(factor: float) -> Change:
    """Every value times this."""
    return lambda pixels: levels(pixels * np.float32(factor))


def noisy(pixels: np.ndarray) -> np.ndarray:
    """With white Gaussian noise of `NOISE` levels."""
    noise = np.random.default_rng(SEED).standard_normal(pixels.shape, np.float32)
    return levels(pixels + np.float32(NOISE) * noise)


def levels(values: np.ndarray) -> np.ndarray:
    """float -> uint8: clipped to 0…255 and rounded."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


# name: (the change, its words)
CHANGES: dict[str, tuple[Change, str]] = {
    "png": (lambda pixels: pixels, "PNG"),
    "jpeg90": (saved("JPEG", 90), "JPEG 90"),
    "jpeg75": (saved("JPEG", 75), "JPEG 75"),
    "jpeg50": (saved("JPEG", 50), "JPEG 50"),
    "jpeg10": (saved("JPEG", 10), "JPEG 10"),
    "webp75": (saved("WEBP", 75), "WebP 75"),
    "half": (halved, "half size"),
    "half+back": (halved_and_back, "half size and back"),
    "half+jpeg75": (halved_and_saved, "half size and JPEG 75"),
    "crop": (cropped, "a crop of 10 %"),
    "brighter": (brightened(BRIGHTER), "10 % brighter"),
    "darker": (brightened(DARKER), "10 % darker"),
    "noise": (noisy, "mild noise"),
}
SHRINKS = {"half": 0.5, "half+jpeg75": 0.5}  # what is left of a side
SIDES = {"webp75": 16_383}  # pixels: the most that the format has


def applicable(name: str, pixels: np.ndarray) -> bool:
    """Whether a change can be made to a picture of this size."""
    return max(pixels.shape[:2]) <= SIDES.get(name, 65_500) or not name.startswith(("jpeg", "webp"))


def in_words(survived: dict[str, bool]) -> str:
    """What is survived and what is not, as a sentence without its end."""
    held = [CHANGES[name][1] for name, each in survived.items() if each]
    lost = [CHANGES[name][1] for name, each in survived.items() if not each]
    parts = [f"survives {', '.join(held)}"] if held else []
    return "; ".join([*parts, *([f"is lost by {', '.join(lost)}"] if lost else [])])
