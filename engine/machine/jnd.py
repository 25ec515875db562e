"""The machine JND (DMV-JND) of a picture, verified on the finished PNG.

The panel predicts logits and CAMs, the generator turns the picture and these into the JND image E
(eq. 3), and x + E (eq. 4), clipped and rounded to 8 bits, is the distorted picture. Wherever a
classifier changes its label, E is scaled down (`homogeneity`) until all keep theirs on the picture
that a PNG file gives back. Where that weakens E, the generator is run again with other inputs
(`VARIATIONS`), and the strongest change that holds is taken.

With the panel `photos` the result has the photo's own size: E is made at the panel's resolution,
enlarged to the photo's, and scaled until the labels hold on the full-size file, which the panel is
given resized anew. A panel of your own (`engine.panels.own`) has the generator of `photos`, and
each of its classifiers is given the file at its own size.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from ..arguments import check_choice, check_number, check_placement
from ..errors import EngineError, UsageError
from ..images.picture import as_picture, decode, encode_png, resized, to_batch
from ..metrics.quality import psnr, psnr_8bit
from ..models import registry
from ..models.available import panels
from ..panels.aim import Aim
from ..panels.embedded import Panel
from ..panels.naming import BASIS, PanelSpec, Several, parse
from ..panels.own import OwnPanel, open_panel
from .generator import STRENGTHS, Generator
from .homogeneity import largest_held, largest_scale
from .refine import mended
from .result import MachineResult

THUMBNAIL = 64  # pixels: a picture that is not longer is for the panel cifar10, by default
Search = Callable[[np.ndarray, np.ndarray, Aim], np.ndarray]
# (mirrored, multiple of the strength) of the further runs of a generator: on the mirror image, of
# which the panel predicts about the same, and at strengths near the one wanted.
VARIATIONS = ((True, 1.0), (False, 1.1), (True, 1.1), (False, 0.9), (True, 0.9))


class MachineJND:
    """The loaded panel of classifiers and a generator; call it on a picture.

    panel: one of `registry.PANELS`, or models of your own as `engine.panels.naming.parse` returns
    them, or either of these loaded; generator: one of the panel's, of a panel of your own one of
    `photos`'; weights: a directory, "hub", or None (see `engine.models.registry`); device: auto,
    cpu or cuda. Raises WeightsError, DeviceError, UsageError, and SetupError where a library for a
    model of your own is missing.
    """

    def __init__(
        self,
        *,
        panel: str | PanelSpec | Panel | OwnPanel = "cifar10",
        generator: str = registry.BEST,
        weights: str | os.PathLike | None = None,
        device: str = "auto",
    ):
        check_placement(weights, device)
        if isinstance(panel, str | PanelSpec):
            check_panel(panel, generator)
            panel = open_panel(panel, weights=weights, device=device)
        self.panel = panel
        basis = self.panel.basis.name
        self.generator = Generator(generator, basis, weights=weights, device=device)

    @property
    def description(self) -> str:
        """One line: where it runs and why, and with which weights."""
        last = self.generator.session
        weights = f"{last.located.path.stem} {last.located.sha256[:8]}"
        where = f"{last.placement}; {last.located.origin} weights"
        if self.panel is self.panel.basis:
            return f"{where}: {self.panel.description}, {weights}"
        return f"{where}: {weights}; panel: {self.panel.description}"

    def strongest(
        self,
        pixels: np.ndarray,
        logits: np.ndarray,
        cams: np.ndarray,
        strength: float = 1.0,
        members: Sequence[int] | slice = slice(None),
        *,
        evidence: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The strongest change among the generator's that keeps every label, per picture.

        pixels at the panel's size, logits, cams, strength, evidence: as `Generator.change` takes
        them; members: indices of the classifiers that must keep their label. Where E does not
        hold whole, `VARIATIONS` are tried as well; of all the one with the lowest PSNR is taken.

        Returns (E float32 N×3×H×W on the 0…1 scale, scale float64 N, distorted uint8 N×H×W×3).
        """
        predict = self.panel.predict_labels
        labels = logits.argmax(2) if self.panel is self.panel.basis else predict(pixels)
        change = self.generator.change(pixels, logits, cams, strength, evidence=evidence)
        scale, distorted = largest_scale(predict, pixels, change, labels, members)
        for mirrored, multiple in VARIATIONS:
            rows = np.flatnonzero(scale < 1)
            if not len(rows) or not self.generator.supports(strength * multiple):
                continue
            flip = np.s_[..., ::-1] if mirrored else np.s_[...]  # of N×C×H×W, left to right
            inputs = pixels[rows][:, :, ::-1] if mirrored else pixels[rows]
            varied = self.generator.change(
                inputs,
                logits[rows],
                cams[rows][flip],
                strength * multiple,
                evidence=None if evidence is None else evidence[rows][flip],
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
        keep_confidence: bool = False,
        refined: bool = True,
    ) -> MachineResult:
        """One picture (see `engine.images.picture.as_picture`) -> its verified `MachineResult`.

        strength: as in `Generator.change`. search, where given, finds E for this picture: a
        function of the picture uint8 H×W×3, the generator's E float32 1×3×size×size on the 0…1
        scale, and an `Aim`, to such an E (see `engine.machine.search`). members: names of the
        classifiers that must keep their label, by default all; keep_confidence: and their
        confidence (see `Aim`). refined: a few gradient steps mend what E costs, where the panel
        gives gradients (`engine.machine.refine`); else E is weakened until all is kept. Raises
        ImageError, UsageError.
        """
        panel, side = self.panel, self.panel.size
        indices = panel.members(members)
        picture = as_picture(image)
        notes = list(picture.notes)
        small = panel.view(picture.pixels[None])
        pixels = picture.pixels[None] if panel.own_size else small
        notes += panel.given(picture.size)
        clean = panel.predictions(small)
        before = clean.logits if panel is panel.basis else panel.logits_of(pixels)
        aim = Aim(before[0], indices, keep_confidence)
        whole = pixels.shape == small.shape  # the panel is given the very pixels of the result
        distorted = None
        if search or panel.own_size or keep_confidence:
            change = self.generator.change(
                small,
                clean.logits,
                clean.cams,
                strength,
                evidence=clean.evidence,
                keep_confidence=keep_confidence,
            )
            if search:
                change = search(pixels[0], change, aim)
            elif refined and panel.differentiable:
                change, _ = mended(panel, pixels[0], change, aim)
        else:
            change, scale, distorted = self.strongest(
                small, clean.logits, clean.cams, strength, indices, evidence=clean.evidence
            )
        if distorted is None:
            change = resized(change, *pixels.shape[2:0:-1])

            def held(candidates: np.ndarray, _: np.ndarray) -> np.ndarray:
                return aim.holds(panel.logits_of(candidates))

            scale, distorted = largest_held(held, pixels, change)
        png = encode_png(distorted[0], quick=panel.own_size)
        reread = decode(png).pixels[None]
        after = panel.logits_of(reread)
        same = after.argmax(2) == aim.labels
        if not aim.holds(after).all():
            raise EngineError("the panel predicts other labels for the same pixels: report this")
        change *= np.float32(scale[0])
        return MachineResult(
            original=pixels[0],
            distorted=reread[0],
            change=change[0].transpose(1, 2, 0),
            cam=resized(clean.cams[0].mean(0), *pixels.shape[2:0:-1]).clip(0, 1),
            png=png,
            labels=panel.label_changes(before[0], after[0]),
            psnr_db=(
                float(psnr(to_batch(reread) - to_batch(pixels))[0])
                if whole
                else psnr_8bit(pixels[0], reread[0])
            ),
            psnr_unclipped_db=float(psnr(change)[0]),
            rca=float(same.mean()),
            changed_share=float((reread != pixels).any(3).mean()),
            strength=strength,
            scale=float(scale[0]),
            members=tuple(panel.classifiers[index] for index in indices),
            verified=bool(same[:, indices].all()),
            size=picture.size,
            panel_size=(side, side),
            notes=tuple(notes),
            panel=panel.name,
            keep_confidence=keep_confidence,
        )

    def labels_of(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 of any size -> top-1 class int64 N×P, as the panel is given them."""
        return self.panel.labels_of(pixels)


def check_panel(panel: str | PanelSpec, generator: str) -> None:
    """Raise UsageError for an unknown panel, and for a generator that it has not."""
    own = isinstance(panel, PanelSpec)
    name = BASIS if own else panel
    check_choice("panel", name, registry.PANELS)
    check_choice("generator", generator, registry.GENERATORS)
    if generator not in registry.PANELS[name].generators:
        known = ", ".join(registry.PANELS[name].generators)
        whose = f", which makes the change for {panel.name}," if own else ""
        raise UsageError(f"generator {generator}: the panel {name}{whose} has {known}")


def candidates(
    panel: str | PanelSpec, generator: str, weights: str | None = None
) -> tuple[str | PanelSpec, ...]:
    """The panels among which a picture's size decides: one, unless `panel` is "auto".

    Raises UsageError as `check_panel`.
    """
    if panel != registry.AUTO:
        check_panel(panel, generator)
        return (panel,)
    check_choice("generator", generator, registry.GENERATORS)
    photos = generator in registry.PANELS["photos"].generators and "photos" in panels(weights)
    return ("cifar10", "photos") if photos else ("cifar10",)


def panel_for(size: tuple[int, int], names: tuple[str | PanelSpec, ...]) -> str | PanelSpec:
    """Of `candidates`, the panel for a picture of (width, height): the last for a large one."""
    return names[-1] if max(size) > THUMBNAIL else names[0]


@lru_cache(maxsize=3)
def load(
    weights: str | None = None,
    device: str = "auto",
    generator: str = registry.BEST,
    panel: str | PanelSpec = "cifar10",
) -> MachineJND:
    """A `MachineJND`, loaded once per choice of weights, device, generator and panel."""
    return MachineJND(weights=weights, device=device, generator=generator, panel=panel)


def machine_jnd(
    image: object,
    *,
    panel: Several = registry.AUTO,
    labels: Several | None = None,
    input_range: str | Sequence[str] | None = None,
    strength: float = 1.0,
    generator: str = registry.BEST,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
    keep_confidence: bool = False,
) -> MachineResult:
    """How much of a picture a panel of deep classifiers does not notice, verified.

    image: a path, a Pillow picture, or an array uint8 H×W×3 or H×W, sRGB 0…255. panel: "photos",
    whose result has the picture's size; "cifar10", to whose 32×32 a picture is resized, and the
    notes say so; or "auto": photos for a picture above 64 pixels on its longer side, where its
    models are at hand and it has the generator. Or models of your own, one or a list: "model.onnx",
    "torchvision:NAME", "timm:NAME", the last two with "=FILE" for weights of a file, alone or
    beside embedded panels (`engine.panels.naming`): the labels of exactly these are kept, the
    change is made by the generator of photos. labels: the file with the names of their classes;
    input_range: of ONNX files, "unit", "signed", "bytes" or "imagenet"; both once for all, or a
    list with one for each. strength: the multiple of the usual magnitude, 0.2…1.8, for the
    conditioned generators; keep_confidence: each classifier's confidence stays within 0.1 as well,
    and no more evidence of its label is put in (`engine.panels.aim.Aim`); generator, weights and
    device as in `MachineJND`. Raises ImageError,
    WeightsError, DeviceError, UsageError, SetupError. Source: paper A, eqs 2-4, 16-17.
    """
    check_number("strength", strength, *STRENGTHS)
    check_placement(weights, device)
    place = None if weights is None else str(weights)
    names = candidates(parse(panel, labels, input_range), generator, place)
    picture = as_picture(image)
    machine = load(place, device, generator, panel_for(picture.size, names))
    return machine(picture, strength=strength, keep_confidence=keep_confidence)
