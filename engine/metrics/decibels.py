"""A PSNR for people and for programs: it is infinite where nothing changed, which JSON has not."""

from __future__ import annotations

import math


def decibels(psnr_db: float) -> str:
    """In words: `14.32 dB`, or `no change`."""
    return f"{psnr_db:.2f} dB" if math.isfinite(psnr_db) else "no change"


def finite(value: float, digits: int = 4) -> float | None:
    """A number for JSON, rounded; None, null in JSON, where it is infinite or no number."""
    return round(value, digits) if math.isfinite(value) else None
