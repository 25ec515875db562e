"""Ordinary distortions at the strength of a JND: does any change that large keep the labels?

Each control is a function of pictures and an amount in 0…1 per picture; the amount is found by
bisection so that the 8-bit picture has the PSNR of the JND's. Where even the full amount does
not reach it (a blur leaves the mean, JPEG leaves the blocks), the strongest is taken, and its
PSNR is reported beside the rate.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from ..images.picture import to_batch, to_pixels
from ..metrics.quality import psnr

HALVINGS = 14
Control = Callable[[np.ndarray, np.ndarray], np.ndarray]


def gaussian_noise(images: np.ndarray, seed: int) -> Control:
    """White noise, standard deviation amount² · 64 on the 0…1 scale (clipping eats energy)."""
    noise = np.random.default_rng(seed).standard_normal(to_batch(images).shape, np.float32)

    def distort(images: np.ndarray, amount: np.ndarray) -> np.ndarray:
        deviation = (64 * amount**2).astype(np.float32)[:, None, None, None]
        return to_pixels(to_batch(images) + noise * deviation)

    return distort


def salt_and_pepper(images: np.ndarray, seed: int) -> Control:
    """A share `amount` of the pixels becomes black or white."""
    random = np.random.default_rng(seed)
    order = random.random(images.shape[:3], np.float32)[..., None]
    colour = np.where(random.random(images.shape[:3]) < 0.5, 0, 255).astype(np.uint8)[..., None]

    def distort(images: np.ndarray, amount: np.ndarray) -> np.ndarray:
        return np.where(order < amount[:, None, None, None], colour, images)

    return distort


def blur(images: np.ndarray, seed: int) -> Control:
    """Gaussian blur, standard deviation amount · 16 pixels, reflected at the border."""

    def distort(images: np.ndarray, amount: np.ndarray) -> np.ndarray:
        blurred = [
            gaussian_filter(image.astype(np.float32), (16 * a, 16 * a, 0), mode="reflect")
            for image, a in zip(images, amount, strict=True)
        ]
        return np.rint(np.stack(blurred)).astype(np.uint8)

    return distort


def jpeg(images: np.ndarray, seed: int) -> Control:
    """JPEG (4:2:0), quality 100 at amount 0, 1 at amount 1."""

    def compress(image: np.ndarray, amount: float) -> np.ndarray:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=round(100 - 99 * amount))
        return np.asarray(Image.open(stream))

    def distort(images: np.ndarray, amount: np.ndarray) -> np.ndarray:
        return np.stack([compress(i, a) for i, a in zip(images, amount, strict=True)])

    return distort


CONTROLS: dict[str, Callable[[np.ndarray, int], Control]] = {
    "gaussian noise": gaussian_noise,
    "salt and pepper": salt_and_pepper,
    "blur": blur,
    "jpeg": jpeg,
}


def match_psnr(images: np.ndarray, wanted: np.ndarray, control: Control) -> np.ndarray:
    """Distort uint8 N×H×W×3 until each picture's PSNR falls to `wanted` (dB, N), if it can."""
    clean = to_batch(images)
    low, high = np.zeros(len(images)), np.ones(len(images))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        weak = psnr(to_batch(control(images, middle)) - clean) > wanted
        low, high = np.where(weak, middle, low), np.where(weak, high, middle)
    return control(images, high)
