"""The cloak with everything it needs, loaded once and placed where it is fastest."""

from __future__ import annotations

from functools import lru_cache

from .errors import WeightsError
from .options import HUMAN_DEFAULT


def lacking(error: ModuleNotFoundError) -> WeightsError:
    """What to say where a package of the cloak is not installed."""
    return WeightsError(
        f"the cloak needs {error.name}: run pip install 'just-noticeable[attack,faces]'"
    )


@lru_cache(maxsize=4)
def ready_cloak(jnd: str = HUMAN_DEFAULT, device: str = "auto", weights: str | None = None):
    """An `engine.cloak.Cloak` with the eye of that name. Raises WeightsError, DeviceError.

    device: auto, cpu or cuda; weights, the recogniser's and the eye's, as in
    `engine.models.locate`. PyTorch is told how many
    cores this process may use.
    """
    try:
        import torch

        from .cloak import Cloak
        from .placement import torch_device
    except ModuleNotFoundError as error:
        raise lacking(error) from None
    from .session import available_cores
    from .sight import eye

    torch.set_num_threads(available_cores())
    return Cloak(eye(jnd, weights, device), weights=weights, device=torch_device(device))
