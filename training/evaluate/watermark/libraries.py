"""Two libraries beside ours: `invisible-watermark` and `blind-watermark`, neither with a code.

Their strength is a step of quantisation, which the reader must know as well: here it does. Both
need OpenCV and PyWavelets; where one is not installed its rows are left out. The transforms of
invisible-watermark alone cost a photo some 40 dB, whatever the strength.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np


@dataclass(frozen=True)
class Library:
    """package: its distribution; module: to import; embed: (pixels, bits, strength) -> pixels;
    read: (pixels, number of bits, strength) -> bits. strength: times the library's own.
    """

    package: str
    module: str
    embed: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    read: Callable[[np.ndarray, int, float], np.ndarray]

    @property
    def version(self) -> str | None:
        """None where it is not installed."""
        if find_spec(self.module) is None or find_spec("cv2") is None:
            return None
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


def reversed_(pixels: np.ndarray) -> np.ndarray:
    """RGB to BGR, or back."""
    return np.ascontiguousarray(pixels[:, :, ::-1])


def levels_of(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def core(kind: str, bits: list, strength: float):
    """The coder of invisible-watermark: "dwtDct" or "svd"."""
    from imwatermark.dwtDctSvd import EmbedDwtDctSvd
    from imwatermark.maxDct import EmbedMaxDct

    own = (0, 36, 36) if kind == "dwtDct" else (0, 36, 0)
    coder = EmbedMaxDct if kind == "dwtDct" else EmbedDwtDctSvd
    return coder(bits, wmLen=len(bits), scales=[strength * scale for scale in own])


def embed_invisible(kind: str, pixels: np.ndarray, bits: np.ndarray, strength: float) -> np.ndarray:
    marked = core(kind, bits.astype(int).tolist(), strength).encode(reversed_(pixels))
    return reversed_(levels_of(marked))


def read_invisible(kind: str, pixels: np.ndarray, count: int, strength: float) -> np.ndarray:
    return np.asarray(core(kind, [0] * count, strength).decode(reversed_(pixels)), bool)


@cache
def blind_class() -> type:
    """The class of blind-watermark, which sets how processes start when it is imported."""
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(None, force=True)
    try:
        from blind_watermark import WaterMark
    finally:
        multiprocessing.set_start_method(before, force=True)
    return WaterMark


def blind(strength: float):
    """A coder of blind-watermark, which greets when it is made."""
    with contextlib.redirect_stdout(io.StringIO()):
        WaterMark = blind_class()  # noqa: N806
        coder = WaterMark(password_wm=1, password_img=1)
    coder.bwm_core.d1 *= strength
    coder.bwm_core.d2 *= strength
    return coder


def embed_blind(pixels: np.ndarray, bits: np.ndarray, strength: float) -> np.ndarray:
    coder = blind(strength)
    coder.read_img(img=reversed_(pixels))
    coder.read_wm(bits.copy(), mode="bit")
    return reversed_(levels_of(coder.embed()))


def read_blind(pixels: np.ndarray, count: int, strength: float) -> np.ndarray:
    found = blind(strength).extract(embed_img=reversed_(pixels), wm_shape=count, mode="bit")
    return np.asarray(found, bool)


LIBRARIES = {
    "blind-watermark": Library("blind-watermark", "blind_watermark", embed_blind, read_blind),
    **{
        f"invisible-watermark {kind}": Library(
            "invisible-watermark",
            "imwatermark",
            partial(embed_invisible, kind),
            partial(read_invisible, kind),
        )
        for kind in ("dwtDct", "svd")
    },
}
