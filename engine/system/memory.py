"""What this process holds of memory that is free: less of it, for processes that live long.

Of glibc alone; with another C library nothing happens.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def use_one_arena() -> None:
    """Let all threads share one arena, as long as they have none of their own yet.

    With an arena for each thread or two, each may keep some 64 MB that nobody uses at its end,
    where `return_free_memory` does not reach.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(ARENA_MAX, 1)


def return_free_memory() -> None:
    """Return the pages to the system that are free."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
