"""The networks of `engine.faces.recognisers`, with a gradient. Needs torch; imported lazily."""

from __future__ import annotations

import os
from collections.abc import Callable

from torch import nn

from ..recogniser import load_recogniser
from .faceres import load_faceres

LOADERS: dict[str, Callable[..., nn.Module]] = {"dlib": load_recogniser, "faceres": load_faceres}


def load(name: str, weights: str | os.PathLike | None = None, device: str = "cpu") -> nn.Module:
    """A recogniser by name, frozen: chips float32 n×3×S×S, RGB in 0…1 -> embeddings n×D.

    Its `describe` takes uint8 n×S×S×3. weights: as in `engine.models.locate`. Raises KeyError for
    an unknown name, WeightsError.
    """
    return LOADERS[name](weights, device)
