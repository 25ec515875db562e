"""The generator: a picture and the panel's predictions in, the JND image E out (eq. 3)."""

from __future__ import annotations

import os

import numpy as np

from ..arguments import check_number
from ..errors import UsageError
from ..images.picture import to_batch
from ..models import registry
from ..models.session import open_session

STRENGTHS = (0.2, 1.8)  # smallest and largest that a conditioned generator takes
INPUTS = {"image", "cams", "logits", "strength", "evidence", "keep"}  # that one may have


class Generator:
    """One of a panel's generators (`registry.PANELS`) as an exported graph.

    weights, device: as `engine.machine.machine_jnd` takes them. Raises WeightsError, DeviceError.
    """

    def __init__(
        self,
        name: str,
        panel: str = "cifar10",
        *,
        weights: str | os.PathLike | None = None,
        device: str = "auto",
    ):
        row = registry.PANELS[panel]
        self.usual, self.most = row.usual, row.most
        model = row.generators[name]
        self.session = open_session(model, weights=weights, device=device)
        self.session.expect(INPUTS, ("change",))

    @property
    def conditioned(self) -> bool:
        """Whether the strength is an input of this generator."""
        return "strength" in self.session.inputs

    @property
    def aim(self) -> dict[str, float]:
        """alpha, beta, wanted: what the generator was trained for (eqs 7, 10)."""
        preset = self.session.contract["training"]["preset"]
        return {name: preset[name] for name in ("alpha", "beta", "wanted")}

    def supports(self, strength: float) -> bool:
        """Whether this generator was trained for that strength."""
        low, high = STRENGTHS if self.conditioned else (1.0, 1.0)
        return low <= strength <= high

    def check_strength(self, strength: float) -> None:
        """Raise UsageError for a strength that this generator was not trained for."""
        check_number("strength", strength, *STRENGTHS)
        if not self.supports(strength):
            raise UsageError(
                f"strength {strength}: this generator has only one, 1; "
                f"choose the generator {registry.BEST} for others"
            )

    def change(
        self,
        pixels: np.ndarray,
        logits: np.ndarray,
        cams: np.ndarray,
        strength: float = 1.0,
        *,
        evidence: np.ndarray | None = None,
        keep_confidence: bool = False,
    ) -> np.ndarray:
        """E (eq. 3), not yet scaled down: float32 N×3×H×W on the 0…1 scale.

        pixels: uint8 N×H×W×3; logits, cams, evidence: as in `Predictions`. strength: the
        multiple of the usual magnitude (near D_t of eq. 10), 0.2…1.8, an input of a conditioned
        generator; others have 1 only. Beyond what the generator was trained for E is multiplied.
        keep_confidence: for one that was trained to keep it, beside the labels; a smaller E.
        Raises UsageError.
        """
        self.check_strength(strength)
        wanted = strength * self.usual
        given = min(wanted, self.most)
        (change,) = self.session.run(
            image=to_batch(pixels),
            cams=cams,
            logits=logits,
            strength=np.full(len(pixels), given, np.float32),
            evidence=evidence,
            keep=np.full(len(pixels), keep_confidence, np.float32),
        )
        return change if wanted == given else change * np.float32(wanted / given)
