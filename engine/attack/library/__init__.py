"""What outsiders call: `attack`, its criteria for embedders, and its result."""

from __future__ import annotations

from .criteria import Dodging, Impersonation
from .entry import attack
from .result import AttackResult

__all__ = ["AttackResult", "Dodging", "Impersonation", "attack"]
