"""How far two pictures are apart to machines: who keeps its label, and who else is likely to.

    from engine.quality import machine_quality
    machine_quality("photo.jpg", "small.jpg").keep     # of a machine that was not asked, 0…1

`engine.metrics` has the numbers that formulas and eyes give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .machines import MachineQuality, machine_quality

__all__ = ["MachineQuality", "machine_quality"]


def __getattr__(name: str):
    """Loaded when it is needed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import machines

    return getattr(machines, name)
