"""How far apart two pictures are, to formulas and to machines."""

from __future__ import annotations

from dataclasses import dataclass

from engine.images.picture import Picture
from engine.metrics.quality import Quality, compare
from engine.models.registry import AUTO
from engine.quality.machines import MachineQuality, asked, check_sizes, compared


@dataclass(frozen=True)
class PairQuality:
    """Of a reference and a changed picture: what formulas give, and what machines make of it."""

    quality: Quality
    machines: MachineQuality

    def to_dict(self) -> dict:
        """As JSON: the fields of `Quality`, and `machine` with those of `MachineQuality`."""
        return self.quality.to_dict() | {"machine": self.machines.to_dict()}


def measure(reference: Picture, changed: Picture) -> PairQuality:
    """Both for two pictures of one size. Raises ImageError where they are of different sizes."""
    check_sizes(reference, changed)
    machines = compared(asked(AUTO, reference.size), reference.pixels, changed.pixels)
    return PairQuality(compare(reference.pixels, changed.pixels, perceptual=False), machines)
