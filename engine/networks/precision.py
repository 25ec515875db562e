"""bfloat16 where it is faster: many times on some processors, while on others it is slower.

Units for it are not enough. Xeons without AMX multiply bfloat16 in AVX-512 at about half the speed
of single precision; a trial of a few milliseconds tells.
"""

from __future__ import annotations

import time
from functools import cache

import torch

UNITS = ("avx512_bf16", "amx_bf16", "bf16")  # the last of ARM
TRIALS = 5  # of which the fastest counts


def has_bfloat16(kind: str) -> bool:
    """Whether devices of this type ("cpu", "cuda", …) have units for bfloat16."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    # Without this function, of PyTorch 2.11, nothing is known: single precision is never wrong.
    told = getattr(torch.cpu, "get_capabilities", dict)()
    return any(told.get(unit, False) for unit in UNITS)


@cache
def prefers_bfloat16(kind: str) -> bool:
    """Whether it has them, and, on a processor, a convolution is faster with them."""
    if not has_bfloat16(kind):
        return False
    return kind != "cpu" or seconds(torch.bfloat16) < seconds(torch.float32)


@torch.no_grad()
def seconds(dtype: torch.dtype) -> float:
    """What a 3×3 convolution of 32×64×32×32 to as many channels takes on this processor."""
    layout = {"dtype": dtype, "memory_format": torch.channels_last}
    x = torch.zeros(32, 64, 32, 32).to(**layout)
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1).to(**layout)
    taken = []
    with torch.autocast("cpu", enabled=False):
        for _ in range(TRIALS):
            started = time.perf_counter()
            convolution(x)
            taken.append(time.perf_counter() - started)
    return min(taken)


def autocast(device: torch.device) -> torch.autocast:
    """A context in which convolutions and matrix products are of bfloat16, if that is faster."""
    enabled = prefers_bfloat16(device.type)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)
