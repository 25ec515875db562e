"""Where and how precisely PyTorch computes: the device, its threads, bfloat16 where it is faster.

Units for bfloat16 are not enough: Xeons without AMX multiply it in AVX-512 at about half the speed
of single precision. A trial of a few milliseconds decides.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from ..errors import DeviceError
from ..system.threads import threads

UNITS = ("avx512_bf16", "amx_bf16", "bf16")  # the last of ARM
TRIALS = 5  # of which the fastest counts


def torch_device(device: str) -> str:
    """auto, cpu or cuda -> "cpu" or "cuda". Raises DeviceError where cuda is not there."""
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise DeviceError("CUDA was requested, but PyTorch finds none: use --device cpu")
    return "cuda" if available and device != "cpu" else "cpu"


def use_threads() -> int:
    """Set PyTorch's threads for this process by `engine.system.threads`; returns their number."""
    count = threads()
    torch.set_num_threads(count)
    return count


@contextmanager
def with_threads(count: int) -> Iterator[None]:
    """PyTorch has so many threads meanwhile, in the whole process."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def has_bfloat16(kind: str) -> bool:
    """Whether devices of this type ("cpu", "cuda", …) have units for bfloat16."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    # PyTorch before 2.11 lacks this function: single precision is never wrong.
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(unit, False) for unit in UNITS)


@cache
def prefers_bfloat16(kind: str) -> bool:
    """Whether it has them, and, on a processor, a convolution is faster with them."""
    if not has_bfloat16(kind):
        return False
    return kind != "cpu" or seconds(torch.bfloat16) < seconds(torch.float32)


@torch.no_grad()
def seconds(dtype: torch.dtype) -> float:
    """Duration of a 3×3 convolution, 32×64×32×32 to as many channels, on this processor."""
    layout = {"dtype": dtype, "memory_format": torch.channels_last}
    x = torch.zeros(32, 64, 32, 32).to(**layout)
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1).to(**layout)
    durations = []
    with torch.autocast("cpu", enabled=False):
        for _ in range(TRIALS):
            started = time.perf_counter()
            convolution(x)
            durations.append(time.perf_counter() - started)
    return min(durations)


def autocast(device: torch.device) -> torch.autocast:
    """A context in which convolutions and matrix products are of bfloat16, if that is faster."""
    enabled = prefers_bfloat16(device.type)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)
