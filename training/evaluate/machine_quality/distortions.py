"""Ten ordinary distortions at five levels, from hardly visible to very strong."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from engine.images.picture import resize

SEED = 0
Distort = Callable[[np.ndarray, float, int], np.ndarray]  # (pixels, level, seed) -> pixels


def levels_of(values: np.ndarray) -> np.ndarray:
    """float -> uint8: clipped to 0…255 and rounded."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def coded(kind: str) -> Distort:
    """Encoded and decoded by Pillow at a quality."""

    def distort(pixels: np.ndarray, quality: float, _: int) -> np.ndarray:
        stream = io.BytesIO()
        options = {"speed": 8, "max_threads": 1} if kind == "AVIF" else {}
        Image.fromarray(pixels).save(stream, kind, quality=int(quality), **options)
        with Image.open(stream) as image:
            return np.asarray(image.convert("RGB"))

    return distort


def noise(pixels: np.ndarray, deviation: float, seed: int) -> np.ndarray:
    """White Gaussian noise of a deviation in levels."""
    drawn = np.random.default_rng((SEED, seed)).standard_normal(pixels.shape, np.float32)
    return levels_of(pixels + np.float32(deviation) * drawn)


def salt_and_pepper(pixels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the pixels black or white."""
    drawn = np.random.default_rng((SEED, seed)).random(pixels.shape[:2])
    result = pixels.copy()
    result[drawn < share / 2] = 0
    result[drawn > 1 - share / 2] = 255
    return result


def blur(pixels: np.ndarray, deviation: float, _: int) -> np.ndarray:
    """A Gaussian blur of a deviation in pixels."""
    return levels_of(gaussian_filter(pixels.astype(np.float32), (deviation, deviation, 0)))


def resized(pixels: np.ndarray, share: float, _: int) -> np.ndarray:
    """Made smaller to a share of each side, and enlarged again."""
    height, width = pixels.shape[:2]
    small = resize(pixels, max(1, round(share * width)), max(1, round(share * height)))
    return resize(small, width, height)


def contrast(pixels: np.ndarray, share: float, _: int) -> np.ndarray:
    """A share of the contrast is left, around the mean."""
    mean = pixels.mean((0, 1), dtype=np.float32)
    return levels_of(mean + np.float32(share) * (pixels - mean))


def darkness(pixels: np.ndarray, share: float, _: int) -> np.ndarray:
    """A share of the brightness is left."""
    return levels_of(pixels * np.float32(share))


def occlusion(pixels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A grey square that covers a share of the picture, anywhere in it."""
    height, width = pixels.shape[:2]
    side = min(round(np.sqrt(share * height * width)), height, width)
    random = np.random.default_rng((SEED, seed))
    top, left = (random.integers(0, length - side + 1) for length in (height, width))
    result = pixels.copy()
    result[top : top + side, left : left + side] = 128
    return result


# name: (the distortion, its five levels, the weakest first)
DISTORTIONS: dict[str, tuple[Distort, tuple[float, ...]]] = {
    "jpeg": (coded("JPEG"), (50, 25, 12, 6, 3)),
    "webp": (coded("WEBP"), (50, 20, 8, 3, 0)),
    "avif": (coded("AVIF"), (50, 30, 18, 9, 3)),
    "noise": (noise, (8, 18, 32, 52, 80)),
    "salt and pepper": (salt_and_pepper, (0.005, 0.02, 0.06, 0.12, 0.25)),
    "blur": (blur, (0.8, 1.5, 2.5, 4, 6.5)),
    "resize": (resized, (0.6, 0.35, 0.22, 0.14, 0.09)),
    "contrast": (contrast, (0.6, 0.35, 0.2, 0.1, 0.05)),
    "darkness": (darkness, (0.6, 0.35, 0.2, 0.1, 0.05)),
    "occlusion": (occlusion, (0.05, 0.15, 0.3, 0.5, 0.75)),
}


def variants(pixels: np.ndarray, seed: int) -> Iterator[tuple[str, int, np.ndarray]]:
    """(name, level 1…5, distorted uint8 H×W×3) of a picture; seed: its number."""
    for name, (distort, levels) in DISTORTIONS.items():
        for number, level in enumerate(levels, 1):
            yield name, number, distort(pixels, level, seed)
