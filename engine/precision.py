"""bfloat16 where the processor multiplies it: many times faster; elsewhere many times slower."""

from __future__ import annotations

from functools import cache

import torch

UNITS = ("avx512_bf16", "amx_bf16", "bf16")  # the last of ARM


@cache
def has_bfloat16(kind: str) -> bool:
    """Whether devices of this type ("cpu", "cuda", …) have units for bfloat16."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    # Without this function, of PyTorch 2.11, nothing is known: single precision is never wrong.
    told = getattr(torch.cpu, "get_capabilities", dict)()
    return any(told.get(unit, False) for unit in UNITS)


def autocast(device: torch.device) -> torch.autocast:
    """A context in which convolutions and matrix products are of bfloat16, if the device can."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16(device.type))
