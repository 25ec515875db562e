"""A PSNR for people and for programs: it is infinite where nothing changed, which JSON has not."""

from __future__ import annotations

import math


def decibels(psnr_db: float) -> str:
    """In words: `14.32 dB`, or `no change`."""
    return f"{psnr_db:.2f} dB" if math.isfinite(psnr_db) else "no change"


def finite(psnr_db: float) -> float | None:
    """As JSON: rounded to four digits, None where nothing changed."""
    return round(psnr_db, 4) if math.isfinite(psnr_db) else None
