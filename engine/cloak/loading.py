"""The cloak with everything it needs, loaded once and placed where it is fastest."""

from __future__ import annotations

from functools import lru_cache

from ..errors import EngineError, WeightsError
from ..models.registry import HUMAN_DEFAULT
from ..system.libraries import broken


def missing(error: ImportError | OSError) -> EngineError:
    """What to say where a package of the cloak is not installed, or broken."""
    if not isinstance(error, ModuleNotFoundError) or "." in (error.name or ""):
        return broken(error)
    return WeightsError(
        f"the cloak needs {error.name}: run pip install 'just-noticeable[attack,faces]'"
    )


@lru_cache(maxsize=4)
def load_cloak(
    jnd: str = HUMAN_DEFAULT,
    device: str = "auto",
    weights: str | None = None,
    against: tuple[str, ...] = ("dlib",),
):
    """A `face.Cloak` with the human JND of that name. Raises WeightsError, DeviceError.

    device: auto, cpu or cuda; weights, the recognisers' and the JND's, as in
    `engine.models.locate.locate`; against: names of `engine.faces.recognisers.RECOGNISERS`.
    """
    try:
        from ..networks.device import torch_device
        from .face import Cloak
    except (ImportError, OSError) as error:
        raise missing(error) from None
    from .threshold import threshold_model

    return Cloak(
        threshold_model(jnd, weights, device),
        weights=weights,
        device=torch_device(device),
        against=against,
    )
