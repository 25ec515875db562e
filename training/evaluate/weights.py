"""Which weights an evaluation is of: those it was given, else those that ship."""

from __future__ import annotations

import os
from pathlib import Path

from engine.models.locate import ENVIRONMENT

from ..data.labelled import DataError


def check_weights(weights: Path | None) -> None:
    """Raise DataError where the environment would silently choose others."""
    if weights is None and os.environ.get(ENVIRONMENT):
        raise DataError(f"{ENVIRONMENT} is set: unset it, or give --weights DIR")
