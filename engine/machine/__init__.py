"""The machine JND: a strong change under which a panel keeps all its top-1 labels.

    from engine.machine import machine_jnd
    result = machine_jnd("photo.jpg")              # a MachineResult, verified

Paper A: Jin et al., "Just Noticeable Difference for Deep Machine Vision", IEEE TCSVT 2021.
`panel` predicts labels and class activation maps (CAMs), `generator` turns them into the JND
image E (eq. 3), `homogeneity` weakens E until all labels hold, `jnd` puts the three together.
`search` finds E of one picture by gradient (eq. 7) instead; `baselines` and `noise` are what it is
compared with; `result` and `figure` are what comes out.
"""

from __future__ import annotations

from .jnd import MachineJND, load, machine_jnd
from .result import MachineResult

__all__ = ["MachineJND", "MachineResult", "load", "machine_jnd"]
