"""The methods of attack: `rows` is the table, `method` gives a row by its name.

What a row is made of: `losses`, and `moves` (starts, directions, steps, projections); `ours` is
this project's method, `colour` the distance that PerC-AL minimises.
"""

from __future__ import annotations

from .rows import (
    ABLATED,
    ABLATIONS,
    BUDGETED,
    DESCENT,
    METHODS,
    POWERS,
    RATE,
    READS_JND,
    STEPS,
    method,
)

__all__ = [
    "ABLATED",
    "ABLATIONS",
    "BUDGETED",
    "DESCENT",
    "METHODS",
    "POWERS",
    "RATE",
    "READS_JND",
    "STEPS",
    "method",
]
