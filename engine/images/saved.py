"""What happens to pictures on their way: saved again by Pillow, shrunk by half."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from .picture import resize


def reencoded(pixels: np.ndarray, kind: str, quality: int) -> np.ndarray:
    """uint8 H×W×3 as a "JPEG" (4:2:0) or "WEBP" of this quality, and decoded again."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, quality=quality)
    with Image.open(stream) as image:
        return np.asarray(image.convert("RGB"))


def halved(pixels: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 at half size, by Lanczos; ⌊H/2⌋×⌊W/2⌋×3, a pixel at least."""
    height, width = pixels.shape[:2]
    return resize(pixels, max(1, width // 2), max(1, height // 2))
