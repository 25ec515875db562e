"""The machine JND (DMV-JND): the largest change of a picture that a panel of classifiers tolerates.

Paper A: Jin et al., "Just Noticeable Difference for Deep Machine Vision", IEEE TCSVT 2021. Two
graphs run one after the other: the panel says what each classifier sees (logits) and where it
looks (CAMs), the generator turns the picture and its CAMs into the JND image E (eq. 3), and
x + E (eq. 4), clipped and rounded to 8 bits, is the distorted picture.

The result is verified: wherever a classifier changes its mind, E is scaled down (paper A's
homogeneity: k/9 · E) until all keep their label on the picture that a PNG file gives back. Where
that weakens it, the generator is asked again, in other ways (`AGAIN`), and the strongest change
that holds is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..arguments import check_choice, check_number, check_placement
from ..errors import EngineError, UsageError
from ..images.picture import (
    as_picture,
    decode,
    encode_png,
    resize,
    to_batch,
    to_pixels,
)
from ..metrics.quality import psnr
from ..models import registry
from ..models.session import open_session

STEPS = 9  # paper A weakens E in ninths
STRENGTHS = (0.2, 1.8)  # smallest and largest that a conditioned generator was trained for
Search = Callable[[np.ndarray], np.ndarray]
FINER = 3  # halvings between the ninth that holds and the next that does not: 1/72
# How a generator is asked again: about the mirror image, of which the panel says the same, and at
# this multiple of the strength, where it knows one.
AGAIN = ((True, 1.0), (False, 1.1), (True, 1.1), (False, 0.9), (True, 0.9))


@dataclass(frozen=True)
class LabelChange:
    """One classifier's top-1 before and after, with its softmax confidence in 0…1."""

    classifier: str
    before: str
    after: str
    confidence_before: float
    confidence_after: float


@dataclass(frozen=True)
class MachineResult:
    """What the panel tolerates on one picture, at the panel's input size h×w.

    original, distorted: uint8 h×w×3 sRGB 0…255. change: float32 h×w×3, the scaled E in units of
    0…1 (so -0.5…0.5), before clipping. cam: float32 h×w in 0…1, the mean of the classifiers'
    maps (eq. 2). png: the distorted picture as the bytes of a PNG file, the ones verified.
    psnr_db: of the distorted picture, clipped and rounded to 8 bits; psnr_unclipped_db: of
    x + scale·E before that; both inf where nothing changed. rca: share of classifiers that keep
    their label (eqs 16-17). changed_share: share of pixels with any channel changed. scale: the
    factor on E, 0…1; strength: what the generator was asked for. members: the classifiers that
    had to keep their label; verified: they do on the decoded png. size: (width, height) of the
    input picture, panel_size: of the results.
    """

    original: np.ndarray
    distorted: np.ndarray
    change: np.ndarray
    cam: np.ndarray
    png: bytes
    labels: tuple[LabelChange, ...]
    psnr_db: float
    psnr_unclipped_db: float
    rca: float
    changed_share: float
    strength: float
    scale: float
    members: tuple[str, ...]
    verified: bool
    size: tuple[int, int]
    panel_size: tuple[int, int]
    notes: tuple[str, ...]

    @property
    def jnd_map(self) -> np.ndarray:
        """uint8 h×w×3: the change before clipping, drawn around grey (128 = none, 1 = -0.5)."""
        return np.rint(np.clip(128 + 254 * self.change, 0, 255)).astype(np.uint8)


class MachineJND:
    """The loaded panel of classifiers and a generator; call it on a picture.

    generator: one of `registry.GENERATORS`; weights: a directory, "hub", or None (see
    `engine.models.registry`); device: auto, cpu or cuda. Raises WeightsError, DeviceError.
    """

    def __init__(
        self,
        *,
        generator: str = registry.BEST,
        weights: str | os.PathLike | None = None,
        device: str = "auto",
    ):
        check_choice("generator", generator, registry.GENERATORS)
        check_placement(weights, device)
        self.panel = tuple(
            open_session(name, weights=weights, device=device) for name in registry.PANEL
        )
        name = registry.GENERATORS[generator]
        self.generator = open_session(name, weights=weights, device=device)
        for classifier in self.panel:
            classifier.expect({"image"}, ("logits", "cam"))
        self.generator.expect({"image", "cams", "logits", "strength"}, ("change",))
        contracts = [classifier.contract for classifier in self.panel]
        self.classes: tuple[str, ...] = tuple(contracts[0]["classes"])
        self.classifiers: tuple[str, ...] = tuple(each["classifier"] for each in contracts)
        self.size: int = contracts[0]["size"]  # pixels, both ways

    @property
    def description(self) -> str:
        """One line: where it runs and why, and with which weights."""
        models = (*self.panel, self.generator)
        weights = ", ".join(f"{m.located.path.stem} {m.located.sha256[:8]}" for m in models)
        return f"{self.generator.placement}; {self.generator.located.origin} weights: {weights}"

    @property
    def aim(self) -> dict[str, float]:
        """alpha, beta, wanted: what the generator was trained for (eqs 7, 10)."""
        preset = self.generator.contract["training"]["preset"]
        return {name: preset[name] for name in ("alpha", "beta", "wanted")}

    def look(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 N×H×W×3 -> logits float32 N×P×classes, CAMs float32 N×P×H×W in 0…1."""
        batch = to_batch(pixels)
        looks = [classifier.run(image=batch) for classifier in self.panel]
        return np.stack([logits for logits, _ in looks], 1), np.concatenate(
            [cam for _, cam in looks], 1
        )

    def answer(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 -> top-1 class int64 N×P of each classifier."""
        return self.look(pixels)[0].argmax(2)

    def knows(self, strength: float) -> bool:
        """Whether this generator can be asked for that strength."""
        low, high = STRENGTHS if "strength" in self.generator.inputs else (1.0, 1.0)
        return low <= strength <= high

    def check_strength(self, strength: float) -> None:
        """Raise UsageError where this generator cannot be asked for that strength."""
        check_number("strength", strength, *STRENGTHS)
        if not self.knows(strength):
            raise UsageError(
                f"strength {strength}: this generator has only one, 1; "
                f"choose the generator {registry.BEST} for others"
            )

    def change(
        self, pixels: np.ndarray, logits: np.ndarray, cams: np.ndarray, strength: float = 1.0
    ) -> np.ndarray:
        """E (eq. 3), not yet scaled down: float32 N×3×H×W on the 0…1 scale, -0.5…0.5.

        strength: the multiple of the magnitude that the generator was trained for (near D_t of
        eq. 10), 0.2…1.8; only a conditioned generator heeds it.
        """
        self.check_strength(strength)
        wanted = np.full(len(pixels), strength, np.float32)
        (change,) = self.generator.run(
            image=to_batch(pixels), cams=cams, logits=logits, strength=wanted
        )
        return change

    def rows_of(self, members: Sequence[str] | None) -> list[int]:
        """Which classifiers these are; all where None. Raises UsageError."""
        if members is None:
            return list(range(len(self.classifiers)))
        members = [members] if isinstance(members, str) else list(members)
        unknown = set(members) - set(self.classifiers)
        if unknown or not members:
            known = ", ".join(self.classifiers)
            said = ", ".join(sorted(map(str, unknown))) or "none"
            raise UsageError(f"classifiers {said}: choose one or more of {known}")
        return [row for row, name in enumerate(self.classifiers) if name in members]

    def tolerated(
        self,
        pixels: np.ndarray,
        change: np.ndarray,
        labels: np.ndarray,
        asked: Sequence[int] | slice = slice(None),
    ) -> tuple[np.ndarray, np.ndarray]:
        """The largest tried scale at which x + scale·E keeps every label, per image.

        pixels uint8 N×H×W×3, change float32 N×3×H×W, labels N×P (the clean answers), asked:
        which of the P classifiers must keep theirs, by default all ->
        (scale float64 N in 0…1, distorted uint8 N×H×W×3). Scales 9/9, 8/9, … are tried, then
        three halvings towards the next ninth. Scale 0 is the picture itself, which always holds.
        """
        clean = to_batch(pixels)
        scale = np.zeros(len(pixels))
        distorted = pixels.copy()

        def attempt(rows: np.ndarray, tried: np.ndarray) -> np.ndarray:
            """Try these scales on these images; keep those that hold, return the others."""
            weak = change[rows] * tried[:, None, None, None].astype(np.float32)
            candidates = to_pixels(clean[rows] + weak)
            holds = (self.answer(candidates) == labels[rows])[:, asked].all(1)
            scale[rows[holds]] = tried[holds]
            distorted[rows[holds]] = candidates[holds]
            return rows[~holds]

        rows = np.arange(len(pixels))
        for k in range(STEPS, 0, -1):
            if len(rows):
                rows = attempt(rows, np.full(len(rows), k / STEPS))
        rows = np.flatnonzero(scale < 1)
        for halving in range(1, FINER + 1):
            if len(rows):
                attempt(rows, scale[rows] + 1 / STEPS / 2**halving)
        return scale, distorted

    def verified(
        self,
        pixels: np.ndarray,
        logits: np.ndarray,
        cams: np.ndarray,
        strength: float = 1.0,
        asked: Sequence[int] | slice = slice(None),
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The strongest change found that keeps every label, per image.

        As `change` and `tolerated` -> (E float32 N×3×H×W on the 0…1 scale, scale float64 N,
        distorted uint8 N×H×W×3). Where E does not hold whole, others are tried as well (`AGAIN`).
        """
        labels = logits.argmax(2)
        change = self.change(pixels, logits, cams, strength)
        scale, distorted = self.tolerated(pixels, change, labels, asked)
        for mirrored, multiple in AGAIN:
            rows = np.flatnonzero(scale < 1)
            other = strength * multiple
            if not len(rows) or not self.knows(other):
                continue
            turn = np.s_[..., ::-1] if mirrored else np.s_[...]
            seen = pixels[rows][:, :, ::-1] if mirrored else pixels[rows]
            made = self.change(seen, logits[rows], cams[rows][turn], other)[turn]
            factor, candidate = self.tolerated(pixels[rows], made, labels[rows], asked)
            clean = to_batch(pixels[rows])
            before, after = (psnr(to_batch(d) - clean) for d in (distorted[rows], candidate))
            better = after < before
            kept = rows[better]
            change[kept], scale[kept] = made[better], factor[better]
            distorted[kept] = candidate[better]
        return change, scale, distorted

    def __call__(
        self,
        image: object,
        *,
        strength: float = 1.0,
        search: Search | None = None,
        members: Sequence[str] | None = None,
    ) -> MachineResult:
        """One picture (see `engine.images.picture.as_picture`) -> its verified `MachineResult`.

        strength: as in `change`. search, where given, finds E for this picture instead of the
        generator: pixels uint8 1×H×W×3 -> change float32 1×3×H×W on the 0…1 scale (see
        `engine.machine.search`). members: the classifiers that must keep their label, by default
        all.
        """
        asked = self.rows_of(members)
        picture = as_picture(image)
        notes = list(picture.notes)
        side = self.size
        pixels = resize(picture.pixels, side, side)[None]
        if picture.size != (side, side):
            width, height = picture.size
            notes.append(f"resized from {width}×{height} to the panel's {side}×{side}")
        logits, cams = self.look(pixels)
        labels = logits.argmax(2)
        if search:
            change = search(pixels)
            scale, distorted = self.tolerated(pixels, change, labels, asked)
        else:
            change, scale, distorted = self.verified(pixels, logits, cams, strength, asked)
        png = encode_png(distorted[0])
        reread = decode(png).pixels[None]
        after = self.look(reread)[0]
        kept = after.argmax(2) == labels
        if not kept[:, asked].all():
            raise EngineError("the panel answers differently on the same pixels: report this")
        weakened = change * np.float32(scale[0])
        return MachineResult(
            original=pixels[0],
            distorted=reread[0],
            change=weakened[0].transpose(1, 2, 0),
            cam=cams[0].mean(0),
            png=png,
            labels=self.label_changes(logits[0], after[0]),
            psnr_db=float(psnr(to_batch(reread) - to_batch(pixels))[0]),
            psnr_unclipped_db=float(psnr(weakened)[0]),
            rca=float(kept.mean()),
            changed_share=float((reread != pixels).any(3).mean()),
            strength=strength,
            scale=float(scale[0]),
            members=tuple(self.classifiers[row] for row in asked),
            verified=bool(kept[:, asked].all()),
            size=picture.size,
            panel_size=(side, side),
            notes=tuple(notes),
        )

    def label_changes(self, before: np.ndarray, after: np.ndarray) -> tuple[LabelChange, ...]:
        """logits P×classes before and after -> one `LabelChange` per classifier."""
        clean, changed = softmax(before), softmax(after)
        return tuple(
            LabelChange(
                classifier=name,
                before=self.classes[clean[row].argmax()],
                after=self.classes[changed[row].argmax()],
                confidence_before=float(clean[row].max()),
                confidence_after=float(changed[row].max()),
            )
            for row, name in enumerate(self.classifiers)
        )


def softmax(logits: np.ndarray) -> np.ndarray:
    """…×classes -> probabilities over the last axis."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@lru_cache(maxsize=2)
def load(
    weights: str | None = None, device: str = "auto", generator: str = registry.BEST
) -> MachineJND:
    """A `MachineJND`, loaded once per choice of weights, device and generator."""
    return MachineJND(weights=weights, device=device, generator=generator)


def machine_jnd(
    image: object,
    *,
    strength: float = 1.0,
    generator: str = registry.BEST,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
) -> MachineResult:
    """How much of a picture a panel of deep classifiers does not notice, verified.

    image: a path, a Pillow picture, or an array uint8 H×W×3 or H×W, sRGB 0…255. A picture of
    another size is resized to the panel's 32×32, and the notes say so. strength: the multiple of
    the usual magnitude, 0.2…1.8, heeded by the conditioned generator; generator, weights and
    device as in `MachineJND`. Raises ImageError, WeightsError, DeviceError, UsageError.
    Source: paper A, eqs 2-4, 16-17.
    """
    check_number("strength", strength, *STRENGTHS)
    check_choice("generator", generator, registry.GENERATORS)
    check_placement(weights, device)
    picture = as_picture(image)
    whole = load(None if weights is None else str(weights), device, generator)
    return whole(picture, strength=strength)
