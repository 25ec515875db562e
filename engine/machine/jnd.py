"""The machine JND (DMV-JND) of a picture, verified on the finished PNG.

The panel predicts logits and CAMs, the generator turns the picture and these into the JND image E
(eq. 3), and x + E (eq. 4), clipped and rounded to 8 bits, is the distorted picture. Wherever a
classifier changes its label, E is scaled down (`homogeneity`) until all keep theirs on the picture
that a PNG file gives back. Where that weakens E, the generator is run again with other inputs
(`VARIATIONS`), and the strongest change that holds is taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from ..arguments import check_choice, check_number, check_placement
from ..errors import EngineError
from ..images.picture import as_picture, decode, encode_png, resize, to_batch
from ..metrics.quality import psnr
from ..models import registry
from .generator import STRENGTHS, Generator
from .homogeneity import largest_scale
from .panel import Panel
from .result import MachineResult

Search = Callable[[np.ndarray], np.ndarray]
# (mirrored, multiple of the strength) of the further runs of a generator: on the mirror image, of
# which the panel predicts about the same, and at strengths near the one wanted.
VARIATIONS = ((True, 1.0), (False, 1.1), (True, 1.1), (False, 0.9), (True, 0.9))


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
        self.panel = Panel(weights=weights, device=device)
        self.generator = Generator(generator, weights=weights, device=device)

    @property
    def description(self) -> str:
        """One line: where it runs and why, and with which weights."""
        last = self.generator.session
        models = (*self.panel.sessions, last)
        weights = ", ".join(f"{m.located.path.stem} {m.located.sha256[:8]}" for m in models)
        return f"{last.placement}; {last.located.origin} weights: {weights}"

    def strongest(
        self,
        pixels: np.ndarray,
        logits: np.ndarray,
        cams: np.ndarray,
        strength: float = 1.0,
        members: Sequence[int] | slice = slice(None),
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The strongest change among the generator's that keeps every label, per picture.

        pixels, logits, cams, strength: as `Generator.change` takes them; members: indices of the
        classifiers that must keep their label. Where E does not hold whole, `VARIATIONS` are tried
        as well; of all the one with the lowest PSNR is taken.

        Returns (E float32 N×3×H×W on the 0…1 scale, scale float64 N, distorted uint8 N×H×W×3).
        """
        predict, labels = self.panel.predict_labels, logits.argmax(2)
        change = self.generator.change(pixels, logits, cams, strength)
        scale, distorted = largest_scale(predict, pixels, change, labels, members)
        for mirrored, multiple in VARIATIONS:
            rows = np.flatnonzero(scale < 1)
            if not len(rows) or not self.generator.supports(strength * multiple):
                continue
            flip = np.s_[..., ::-1] if mirrored else np.s_[...]  # of N×C×H×W, left to right
            inputs = pixels[rows][:, :, ::-1] if mirrored else pixels[rows]
            varied = self.generator.change(
                inputs, logits[rows], cams[rows][flip], strength * multiple
            )[flip]
            factor, candidates = largest_scale(predict, pixels[rows], varied, labels[rows], members)
            clean = to_batch(pixels[rows])
            stronger = psnr(to_batch(candidates) - clean) < psnr(to_batch(distorted[rows]) - clean)
            better = rows[stronger]
            change[better], scale[better] = varied[stronger], factor[stronger]
            distorted[better] = candidates[stronger]
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

        strength: as in `Generator.change`. search, where given, finds E for this picture instead
        of the generator: pixels uint8 1×H×W×3 -> change float32 1×3×H×W on the 0…1 scale (see
        `engine.machine.search`). members: names of the classifiers that must keep their label, by
        default all. Raises ImageError, UsageError.
        """
        panel, side = self.panel, self.panel.size
        indices = panel.members(members)
        picture = as_picture(image)
        notes = list(picture.notes)
        pixels = resize(picture.pixels, side, side)[None]
        if picture.size != (side, side):
            width, height = picture.size
            notes.append(f"resized from {width}×{height} to the panel's {side}×{side}")
        logits, cams = panel.predict(pixels)
        labels = logits.argmax(2)
        if search:
            change = search(pixels)
            scale, distorted = largest_scale(panel.predict_labels, pixels, change, labels, indices)
        else:
            change, scale, distorted = self.strongest(pixels, logits, cams, strength, indices)
        png = encode_png(distorted[0])
        reread = decode(png).pixels[None]
        logits_after = panel.predict(reread)[0]
        same = logits_after.argmax(2) == labels
        if not same[:, indices].all():
            raise EngineError("the panel predicts other labels for the same pixels: report this")
        weakened = change * np.float32(scale[0])
        return MachineResult(
            original=pixels[0],
            distorted=reread[0],
            change=weakened[0].transpose(1, 2, 0),
            cam=cams[0].mean(0),
            png=png,
            labels=panel.label_changes(logits[0], logits_after[0]),
            psnr_db=float(psnr(to_batch(reread) - to_batch(pixels))[0]),
            psnr_unclipped_db=float(psnr(weakened)[0]),
            rca=float(same.mean()),
            changed_share=float((reread != pixels).any(3).mean()),
            strength=strength,
            scale=float(scale[0]),
            members=tuple(panel.classifiers[index] for index in indices),
            verified=bool(same[:, indices].all()),
            size=picture.size,
            panel_size=(side, side),
            notes=tuple(notes),
        )


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
    the usual magnitude, 0.2…1.8, for the conditioned generators; generator, weights and device as
    in `MachineJND`. Raises ImageError, WeightsError, DeviceError, UsageError.
    Source: paper A, eqs 2-4, 16-17.
    """
    check_number("strength", strength, *STRENGTHS)
    check_choice("generator", generator, registry.GENERATORS)
    check_placement(weights, device)
    picture = as_picture(image)
    machine = load(None if weights is None else str(weights), device, generator)
    return machine(picture, strength=strength)
