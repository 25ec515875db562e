"""A panel with classifiers from outside: each is given the picture at its own size.

Such a classifier has no generator. E is made by the one of the embedded panel for photographs,
from what that panel predicts, and verified against exactly the classifiers that were named.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..images.picture import resize
from ..system.libraries import of_extra
from .embedded import Panel, Predictions
from .naming import BASIS, Entry, PanelSpec
from .part import Part, check_numbers
from .predicted import Classifiers, Portion, padded

if TYPE_CHECKING:
    from .gradients import GradientPanel


class OwnPanel(Classifiers):
    """The classifiers that a `PanelSpec` names, loaded. It offers what `Panel` does.

    basis: the embedded panel for photographs, which the generator was trained with; it is verified
    only where the spec names it. weights, of what is embedded, and device: as in `Panel`. Raises
    WeightsError, DeviceError, SetupError, and UsageError for names of networks or classes.
    """

    own_size = True  # a result has the picture's own size
    differentiable = False  # an ONNX file has forward passes only

    def __init__(
        self,
        spec: PanelSpec,
        *,
        weights: str | os.PathLike | None = None,
        device: str = "auto",
    ):
        self.name, self.spec = spec.name, spec
        self.weights, self.device = weights, device
        self.basis = embedded(BASIS, weights, device)
        self.parts = tuple(self.part(entry, weights, device) for entry in spec.entries)
        self.classifiers = tuple(name for part in self.parts for name in part.names)
        self.class_names = tuple(names for part in self.parts for names in part.class_names)
        self.size = self.basis.size  # pixels, both ways, at which E is made

    def part(self, entry: Entry, weights: str | os.PathLike | None, device: str) -> Part:
        """The loaded classifiers of one entry."""
        if entry.kind == "embedded":
            return embedded_part(embedded(entry.name, weights, device))
        if entry.kind == "onnx":
            from .onnx_file import load

            return load(entry, self.basis.classes, device)
        try:
            from .torch_models import load
        except (ImportError, OSError) as error:
            raise of_extra(error, entry.title, "panels") from None
        return load(entry, self.basis.classes, device)

    @property
    def description(self) -> str:
        """Weights of the classifiers, in words."""
        return ", ".join(part.description for part in self.parts)

    def given(self, size: tuple[int, int]) -> list[str]:
        """Notes for a report of a change: how a picture of (width, height) is given to them."""
        side = f"{self.size}×{self.size}"
        made = f"the change is made at {side}, the activation map is the panel {BASIS}'"
        return [*self.views(size), made]

    def views(self, size: tuple[int, int]) -> list[str]:
        """Notes: at which size each classifier is given a picture of (width, height)."""
        sizes: dict[tuple[int, int], list[str]] = {}
        for part in self.parts:
            sizes.setdefault(part.size, []).extend(part.names)
        return [
            f"{', '.join(names)}: given it at {width}×{height}"
            for (width, height), names in sizes.items()
            if size != (width, height)
        ]

    def view(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 -> uint8 N×size×size×3: the pictures as a generator is given them."""
        return self.basis.view(pixels)

    def predictions(self, pixels: np.ndarray) -> Predictions:
        """What a generator is given of uint8 N×size×size×3: the embedded panel's predictions."""
        return self.basis.predictions(pixels)

    def logits_of(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 of any size -> logits float32 N×P×classes, -inf where there is no class.

        Raises WeightsError where a classifier predicts what is no number.
        """
        logits = [predicted() for _, predicted in self.portions(pixels)]
        most = max(each.shape[2] for each in logits)
        return np.concatenate([padded(each, most) for each in logits], 1)

    def portions(self, pixels: np.ndarray) -> list[Portion]:
        """`logits_of`, each part by itself, not padded, and only when it is called."""

        @cache
        def view(size: tuple[int, int]) -> np.ndarray:
            return np.stack([resize(each, *size) for each in pixels])

        def predicted(part: Part) -> np.ndarray:
            logits = part.predict(view(part.size))
            check_numbers(part.names[0], logits)
            return logits

        ends = np.cumsum([len(part.names) for part in self.parts]).tolist()
        return [
            (slice(end - len(part.names), end), partial(predicted, part))
            for end, part in zip(ends, self.parts, strict=True)
        ]

    def labels_of(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 of any size -> top-1 class int64 N×P of each classifier."""
        return self.logits_of(pixels).argmax(2)

    predict_labels = labels_of


@lru_cache(maxsize=2)
def embedded(name: str, weights: str | os.PathLike | None, device: str) -> Panel:
    return Panel(name, weights=weights, device=device)


def embedded_part(panel: Panel) -> Part:
    return Part(
        panel.classifiers,
        panel.class_names,
        (panel.size, panel.size),
        lambda pixels: panel.predictions(pixels).logits,
        panel.description,
    )


def open_panel(
    panel: str | PanelSpec, *, weights: str | os.PathLike | None = None, device: str = "auto"
) -> Panel | OwnPanel:
    """What `engine.panels.naming.parse` returned, loaded. Raises as `Panel` and `OwnPanel`."""
    kind = Panel if isinstance(panel, str) else OwnPanel
    return kind(panel, weights=weights, device=device)


@lru_cache(maxsize=3)
def load_panel(
    panel: str | PanelSpec, weights: str | None = None, device: str = "auto"
) -> Panel | OwnPanel:
    """`open_panel`, once per choice: the latest are kept."""
    return open_panel(panel, weights=weights, device=device)


def with_gradients(panel: Panel | OwnPanel, wish: str) -> Panel | OwnPanel | GradientPanel:
    """A loaded panel that gives gradients: itself, or the same classifiers in PyTorch.

    wish: what needs them, for errors. Raises UsageError for an embedded panel that has none,
    SetupError where a library is missing, WeightsError where a file cannot be converted.
    """
    if panel.differentiable:
        return panel
    if isinstance(panel, Panel):
        raise UsageError(
            f"{wish} needs gradients, which the panel {panel.name} does not give: choose "
            f"--panel {BASIS}"
        )
    try:
        from .gradients import gradient_panel
    except (ImportError, OSError) as error:
        raise of_extra(error, wish, "attack") from None
    return gradient_panel(panel)
