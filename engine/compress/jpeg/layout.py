"""A JPEG's planes of coefficients, the picture they decode to, and the adjoint of that.

The model is libjpeg's with floating point: the inverse DCT of 8×8 blocks, chroma enlarged by its
triangle filter ("fancy upsampling"), YCbCr to RGB. The adjoint brings a gradient with respect to
the picture's pixels back to one with respect to the coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.fft import dctn, idctn
from scipy.sparse import csr_array

Planes = tuple[np.ndarray, ...]  # Y, Cb, Cr
# ITU-T T.871: RGB of YCbCr, with chroma about zero.
TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136286, -0.714136286], [1, 1.772, 0]])
TO_YCC = np.linalg.inv(TO_RGB)


@dataclass(frozen=True)
class Layout:
    """Of a picture of height×width pixels, with chroma at half of both (4:2:0) or whole (4:4:4).

    Coefficients are float Y, Cb, Cr, each rows×columns×8×8 (block, then frequency down and
    across), dequantised: of samples in 0…255 about 128, orthonormal.
    """

    height: int
    width: int
    halved: bool = True

    @property
    def sides(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of each plane in samples."""
        part = 2 if self.halved else 1
        chroma = -(-self.height // part), -(-self.width // part)
        return (self.height, self.width), chroma, chroma

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """(rows, columns) of each plane in blocks."""
        return tuple((-(-height // 8), -(-width // 8)) for height, width in self.sides)

    @cached_property
    def enlarging(self) -> tuple[csr_array, csr_array]:
        """What enlarges chroma, down and across: height×h', width×w'."""
        (height, width), (low, narrow), _ = self.sides
        return triangle(height, low), triangle(width, narrow)

    def decoded(self, coefficients: Planes) -> np.ndarray:
        """Coefficients -> RGB float H×W×3, not rounded; the planes' samples are clipped."""
        luma, *chroma = (
            np.clip(samples(plane)[:height, :width], -128, 127)
            for plane, (height, width) in zip(coefficients, self.sides, strict=True)
        )
        if self.halved:
            down, across = self.enlarging
            chroma = [(across @ (down @ plane).T).T for plane in chroma]
        return np.stack([luma + 128, *chroma], 2) @ TO_RGB.T

    def adjoint(self, gradient: np.ndarray) -> Planes:
        """The gradient by RGB, float H×W×3 -> by coefficients: the transpose of `decoded`.

        What clipping takes from a gradient is left to the caller.
        """
        luma, *chroma = np.moveaxis(gradient @ TO_RGB, 2, 0)
        if self.halved:
            down, across = self.enlarging
            chroma = [(across.T @ (down.T @ plane).T).T for plane in chroma]
        return tuple(spectra(plane) for plane in (luma, *chroma))

    def encoded(self, pixels: np.ndarray) -> Planes:
        """A picture, RGB uint8 or float H×W×3 -> its coefficients, not quantised."""
        luma, *chroma = np.moveaxis(pixels @ TO_YCC.T, 2, 0)
        if self.halved:
            chroma = [mean_of_four(plane) for plane in chroma]
        return tuple(spectra(filled(plane)) for plane in (luma - 128, *chroma))


def triangle(long: int, short: int) -> csr_array:
    """libjpeg's enlarging by two along one side: long×short, 3/4 of the nearer, 1/4 of the next."""
    at = np.arange(long)
    near = at // 2
    beside = np.clip(near + np.where(at % 2, 1, -1), 0, short - 1)
    weights = np.concatenate([np.full(long, 0.75), np.full(long, 0.25)])
    places = np.concatenate([at, at]), np.concatenate([near, beside])
    return csr_array((weights, places), shape=(long, short))


def samples(blocks: np.ndarray) -> np.ndarray:
    """Coefficients rows×columns×8×8 -> samples (8·rows)×(8·columns)."""
    rows, columns = blocks.shape[:2]
    whole = idctn(blocks, axes=(2, 3), norm="ortho")
    return whole.transpose(0, 2, 1, 3).reshape(8 * rows, 8 * columns)


def spectra(plane: np.ndarray) -> np.ndarray:
    """Samples height×width, zero beyond -> coefficients rows×columns×8×8."""
    plane = np.pad(plane, [(0, -side % 8) for side in plane.shape])
    rows, columns = (side // 8 for side in plane.shape)
    blocks = plane.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)
    return dctn(blocks, axes=(2, 3), norm="ortho")


def filled(plane: np.ndarray) -> np.ndarray:
    """A plane whose last row and column go on to whole blocks."""
    return np.pad(plane, [(0, -side % 8) for side in plane.shape], mode="edge")


def mean_of_four(plane: np.ndarray) -> np.ndarray:
    """A plane halved both ways; its last row or column twice where their number is odd."""
    plane = np.pad(plane, [(0, side % 2) for side in plane.shape], mode="edge")
    return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / 4
