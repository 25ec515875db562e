"""A photo in, a cloaked photo out, step by step; and several methods on the same photo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.cloak.figure import draw_figure, part_of
from engine.cloak.result import CloakedPhoto
from engine.cloak.state import CloakProgress
from engine.errors import UsageError
from engine.images.difference import amplified
from engine.images.picture import Picture, decode, encode_png
from engine.metrics.quality import Quality
from engine.metrics.quality import compare as quality_of

from ..server.limits import Limits
from ..server.zerogpu import borrow_gpu
from .faces import find

# What the page offers of `engine.attack.methods.METHODS`: name, words, source. Best first.
METHODS = (
    ("ours", "Smallest change (ours)", "this project"),
    ("ours-jnd", "Weighted by the eye's threshold (ours)", "this project"),
    ("paper", "Within the eye's threshold (Xue)", "Xue et al. 2023"),
    ("ddn", "DDN: least energy", "Rony et al. 2019"),
    ("fmn", "FMN: least energy", "Pintor et al. 2021"),
    ("cw", "C&W: least energy", "Carlini and Wagner 2017"),
    ("perc-al", "PerC-AL: least colour", "Zhao et al. 2020"),
    ("ssah", "SSAH: high frequencies only", "Luo et al. 2022"),
    ("advjnd", "AdvJND: steps by a JND", "Zhang et al. 2020"),
    ("jndmga", "JNDMGA: first change of label", "Akan et al. 2020"),
    ("mnd", "MND: small and similar", "Sun et al. 2022"),
    ("mi-fgsm", "MI-FGSM: with momentum", "Dong et al. 2018"),
    ("di2-fgsm", "DI²-FGSM: varied inputs", "Xie et al. 2019"),
    ("m-di2-fgsm", "M-DI²-FGSM: both", "Xie et al. 2019"),
    ("pgd", "The usual attack (PGD)", "Madry et al. 2018"),
    ("bim", "BIM: small steps", "Kurakin et al. 2017"),
    ("fgsm", "One step (FGSM)", "Goodfellow et al. 2015"),
    ("fgv", "FGV: one step, by the gradient's size", "Rozsa et al. 2016"),
)
NAMES = tuple(name for name, _, _ in METHODS)
LABELS = {name: label for name, label, _ in METHODS}
FIRST = ("ours", "paper", "pgd")  # compared at first; the others on request
GAIN = 16  # grey levels per level of a difference


@dataclass(frozen=True)
class Rated:
    """One method's cloak, and what a viewer may see of it."""

    method: str
    cloak: CloakedPhoto
    quality: Quality

    @property
    def face(self) -> bytes:
        """The face and a little around it, pixel by pixel, as a PNG."""
        return encode_png(around_face(self.cloak, self.cloak.pixels))


def seconds_on_gpu(picture, method, face, target, robust, seconds, jnd) -> int:
    """The seconds to reserve on a ZeroGPU: the search, and loading what it needs."""
    return int(seconds) + 30


@borrow_gpu(duration=seconds_on_gpu)
def search(
    picture: Picture,
    method: str,
    face: str,
    target: Picture | None,
    robust: bool,
    seconds: float,
    jnd: str,
) -> Iterator[CloakProgress | CloakedPhoto]:
    """`engine.cloak.photo.cloak_steps`, with what it needs. Raises EngineError.

    target: a photo of the person to impersonate.
    """
    from engine.cloak.loading import load_cloak

    cloak = load_cloak(jnd)
    from engine.cloak.goals import describe_best
    from engine.cloak.photo import cloak_steps

    yield from cloak_steps(
        cloak,
        picture,
        method=method,
        face=face,
        target=None if target is None else describe_best(cloak, target),
        robust=robust,
        format="png",
        max_seconds=seconds,
    )


def check(method: str, seconds: float, most: float) -> None:
    """Raise UsageError for a method or a time that is not offered."""
    if method not in NAMES:
        raise UsageError(f"no method {method}: choose from {', '.join(NAMES)}")
    if not 0 < seconds <= most:
        raise UsageError(f"{seconds:g} seconds: give more than 0, at most {most:g}")


def check_comparison(picture: Picture, methods: list[str], seconds: float, limits: Limits) -> None:
    """Raise UsageError for a comparison that is not offered. seconds: of each method."""
    if not 0 < len(methods) <= limits.methods:
        raise UsageError(f"{len(methods)} methods: choose 1 to {limits.methods}")
    for method in methods:
        check(method, seconds, limits.compare_seconds)
    if picture.size[0] * picture.size[1] > limits.gallery_pixels:
        raise UsageError(
            f"The photo has more than {limits.gallery_pixels:,} pixels, too many for a copy per "
            "method: scale it down"
        )


def cloak(
    picture: Picture,
    *,
    method: str = "ours",
    face: int = 1,
    target: Picture | None = None,
    robust: bool = True,
    seconds: float,
    jnd: str,
) -> Iterator[CloakProgress | CloakedPhoto]:
    """Its progress, then the cloaked photo, which may have failed. Raises EngineError.

    face: its number, 1 being the best; jnd: the model of the human JND.
    """
    if target is not None:
        find(target)
    yield from search(picture, method, str(face), target, robust, seconds, jnd)


def numbers(result: CloakedPhoto, method: str) -> dict:
    """What a program reads of a cloaked photo."""
    return {"method": method, **result.to_dict()}


def difference(result: CloakedPhoto) -> bytes:
    """The change, amplified around grey, as a PNG."""
    return encode_png(amplified(result.original, result.pixels, GAIN))


def around_face(result: CloakedPhoto, pixels: np.ndarray) -> np.ndarray:
    """Of pixels uint8 H×W×3, of the size of the photo, those at its face."""
    width, height = result.size
    return np.ascontiguousarray(pixels[part_of(result.faces[0].box, width, height)])


def to_share(result: CloakedPhoto) -> bytes:
    """Before, after and difference of the face in one PNG, under no name of a file."""
    return encode_png(draw_figure(result, "A face that a machine no longer matches"))


def compare(
    picture: Picture, methods: list[str], *, seconds: float, jnd: str
) -> Iterator[tuple[str, CloakProgress] | Rated]:
    """Each method on the photo's best face: (method, progress) while it runs, then its result.

    seconds: per method. Raises EngineError.
    """
    for method in methods:
        for step in cloak(picture, method=method, seconds=seconds, jnd=jnd):
            if isinstance(step, CloakProgress):
                yield method, step
            else:
                distorted = decode(step.png).pixels
                yield Rated(method, step, quality_of(picture.pixels, distorted, perceptual=False))
