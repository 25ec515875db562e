"""The cloak with everything it needs, loaded once and placed where it is fastest."""

from __future__ import annotations

from functools import lru_cache

from .errors import WeightsError
from .options import HUMAN_DEFAULT


@lru_cache(maxsize=4)
def ready_cloak(jnd: str = HUMAN_DEFAULT, device: str = "auto"):
    """An `engine.cloak.Cloak` with the eye of that name. Raises WeightsError, DeviceError.

    device: auto, cpu or cuda. PyTorch is told how many cores this process may use.
    """
    try:
        import torch

        from .cloak import Cloak, eye
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"the cloak needs {error.name}: run pip install 'just-noticeable[attack,faces]'"
        ) from None
    from .commands.cloak import place
    from .session import available_cores

    torch.set_num_threads(available_cores())
    return Cloak(eye(jnd), device=place(torch, device))
