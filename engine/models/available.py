"""Which models can be used without asking a network for them."""

from __future__ import annotations

import os
from pathlib import Path

from .locate import EMBEDDED, ENVIRONMENT
from .registry import GENERATORS, HUMAN_DEFAULT, HUMAN_NAMES, MODELS


def at_hand(name: str) -> bool:
    """Whether the file of this row of `MODELS` is here, by the order of `models.locate`.

    Where JND_WEIGHTS is "hub", the Hub is requested, and what is published there counts.
    """
    model, place = MODELS[name], os.environ.get(ENVIRONMENT)
    if place and place != "hub":
        present = (Path(place) / model.file).is_file()
        if present or model.trained_here:
            return present
        place = None
    if not model.sha256:
        return False
    return place == "hub" or (EMBEDDED / model.file).is_file()


def human_models() -> tuple[str, ...]:
    """Names of the human JNDs that can be used, the default one first."""
    names = [name for name in HUMAN_NAMES if name not in MODELS or at_hand(name)]
    return tuple(sorted(names, key=lambda name: name != HUMAN_DEFAULT))


def generators() -> tuple[str, ...]:
    """Names of the machine JND's generators that can be used."""
    return tuple(name for name, model in GENERATORS.items() if at_hand(model))
