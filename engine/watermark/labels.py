"""The labels of a panel, which a marked picture must keep."""

from __future__ import annotations

import numpy as np

from ..machine.refine import applied, proxy, refine, whole
from ..panels.aim import Aim
from ..panels.embedded import Panel
from ..panels.own import OwnPanel
from ..panels.predicted import LabelChange


class Labels:
    """What a panel predicts of a picture uint8 H×W×3, and whether another keeps it."""

    def __init__(self, panel: Panel | OwnPanel, pixels: np.ndarray):
        self.panel = panel
        self.before = panel.logits_of(pixels[None])[0]
        self.aim = Aim(self.before, panel.members(None))

    def kept(self, pixels: np.ndarray) -> bool:
        """Whether every classifier predicts the same of a picture uint8 H×W×3."""
        return bool(self.aim.holds(self.panel.logits_of(pixels[None]))[0])

    def mended(self, pixels: np.ndarray) -> np.ndarray | None:
        """A picture uint8 H×W×3 led back by gradient steps to where every label holds.

        None where that does not succeed, or the panel gives no gradients.
        """
        if not self.panel.differentiable:
            return None
        none = np.zeros((1, 3, self.panel.size, self.panel.size), np.float32)
        for state in refine(self.panel, proxy(self.panel, pixels), none, self.aim):
            if state.held:
                change, held = whole(self.panel, pixels, state, self.aim)
                return applied(pixels, change) if held else None
        return None

    def changes(self, pixels: np.ndarray) -> tuple[LabelChange, ...]:
        """Of each classifier, from the original to a picture uint8 H×W×3."""
        return self.panel.label_changes(self.before, self.panel.logits_of(pixels[None])[0])
