"""Where PyTorch computes: the one answer to `--device`. Needs torch."""

from __future__ import annotations

import torch

from ..errors import DeviceError
from ..system.threads import threads


def torch_device(device: str) -> str:
    """auto, cpu or cuda -> "cpu" or "cuda". Raises DeviceError where cuda is not there."""
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise DeviceError("CUDA was asked for, but PyTorch finds none: use --device cpu")
    return "cuda" if found and device != "cpu" else "cpu"


def use_threads() -> int:
    """Set PyTorch's threads for this process by `engine.system.threads`; how many those are."""
    count = threads()
    torch.set_num_threads(count)
    return count
