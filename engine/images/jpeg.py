"""How a JPEG is saved: its quantisation steps and its chroma subsampling, for saving one alike."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, JpegImagePlugin

from ..errors import ImageError

SUBSAMPLINGS = (0, 1, 2)  # Pillow's 4:4:4, 4:2:2, 4:2:0; others are written as the last
LONGEST = 65_500  # pixels a side that libjpeg writes


@dataclass(frozen=True)
class JpegSaving:
    """How a JPEG is saved.

    tables: the quantisation steps of luma and of chroma, 64 each in 1…255, by rows; subsampling:
    of `SUBSAMPLINGS`.
    """

    tables: tuple[tuple[int, ...], tuple[int, ...]]
    subsampling: int = SUBSAMPLINGS[-1]

    @classmethod
    def of(cls, image: Image.Image) -> JpegSaving | None:
        """How an opened file was saved; None where it is no JPEG in grey or colour."""
        tables = getattr(image, "quantization", None)
        if image.format not in ("JPEG", "MPO") or not tables or image.mode not in ("L", "RGB"):
            return None
        steps = [tuple(int(step) for step in tables[number]) for number in sorted(tables)]
        if any(len(each) != 64 or not 1 <= min(each) <= max(each) <= 255 for each in steps):
            return None
        subsampling = JpegImagePlugin.get_sampling(image) if image.mode == "RGB" else 0
        known = subsampling if subsampling in SUBSAMPLINGS else SUBSAMPLINGS[-1]
        return cls((steps[0], steps[min(1, len(steps) - 1)]), known)

    def finer(self, other: JpegSaving) -> JpegSaving:
        """The same, with no step larger than the other's."""
        pairs = zip(self.tables, other.tables, strict=True)
        luma, chroma = (tuple(map(min, *pair)) for pair in pairs)
        return JpegSaving((luma, chroma), self.subsampling)

    def encode(self, pixels: np.ndarray) -> bytes:
        """uint8 H×W×3 -> the bytes of a JPEG without metadata. Raises ImageError."""
        height, width = pixels.shape[:2]
        if max(height, width) > LONGEST:
            raise ImageError(
                f"the picture is {width}×{height}; a JPEG holds {LONGEST:,} pixels a side: "
                "save it as PNG"
            )
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(
            stream, "JPEG", qtables=self.tables, subsampling=self.subsampling
        )
        return stream.getvalue()

    def saved(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 H×W×3 as such a JPEG, and decoded again."""
        with Image.open(io.BytesIO(self.encode(pixels))) as image:
            return np.asarray(image.convert("RGB"))


@cache
def of_quality(quality: int) -> JpegSaving:
    """As Pillow saves at this quality, 1…100, with 4:2:0."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG", quality=quality)
    saving = JpegSaving.of(Image.open(stream))
    assert saving is not None
    return saving
