"""Which models can be used without asking a network for them."""

from __future__ import annotations

import os
from pathlib import Path

from .locate import EMBEDDED, ENVIRONMENT
from .registry import HUMAN_DEFAULT, HUMAN_NAMES, MODELS, PANELS


def at_hand(name: str, weights: str | os.PathLike | None = None) -> bool:
    """Whether the file of this row of `MODELS` is here, by the order of `models.locate`.

    weights: a directory or "hub", before JND_WEIGHTS. Where it is "hub", the Hub is requested, and
    what is published there counts.
    """
    model, place = MODELS[name], weights or os.environ.get(ENVIRONMENT)
    if place and str(place) != "hub":
        present = (Path(place) / model.file).is_file()
        if present or model.trained_here:
            return present
        place = None
    if not model.sha256:
        return False
    return str(place) == "hub" or (EMBEDDED / model.file).is_file()


def human_models() -> tuple[str, ...]:
    """Names of the human JNDs that can be used, the default one first."""
    names = [name for name in HUMAN_NAMES if name not in MODELS or at_hand(name)]
    return tuple(sorted(names, key=lambda name: name != HUMAN_DEFAULT))


def generators(panel: str = "cifar10") -> tuple[str, ...]:
    """Names of a panel's generators that can be used."""
    return tuple(name for name, model in PANELS[panel].generators.items() if at_hand(model))


def panels(weights: str | os.PathLike | None = None) -> tuple[str, ...]:
    """Names of the panels of which all classifiers and a generator can be used."""
    return tuple(
        name
        for name, panel in PANELS.items()
        if all(at_hand(model, weights) for model in panel.members)
        and any(at_hand(model, weights) for model in panel.generators.values())
    )
