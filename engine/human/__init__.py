"""The human JND: how much each pixel of a picture may change before a person notices.

    from engine.human import human_jnd
    thresholds = human_jnd("photo.jpg")            # float32 H×W×3, in 8-bit levels

`models` lists the models; one file holds each idea: `luminance`, `gradients`, `classical`,
`prediction`, `pattern`, `learned`. `injection` adds noise at the threshold.
"""

from __future__ import annotations

from .models import DEFAULT, HUMAN_MODELS, human_jnd, thresholds

__all__ = ["DEFAULT", "HUMAN_MODELS", "human_jnd", "thresholds"]
