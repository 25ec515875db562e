"""Attacks on any differentiable model: one search loop, a method is a set of choices for it.

    from engine.attack import attack
    result = attack(model, "photo.jpg", method="ours")   # result.png, result.success

README.md has the options and examples. Needs torch, which is imported with the first name that is
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .library import AttackResult, Dodging, Impersonation, attack

__all__ = ["AttackResult", "Dodging", "Impersonation", "attack"]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".library", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
