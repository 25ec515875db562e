"""How long work reports itself: a generator yields `Progress` on the way, and its result last."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """A step that begins now: what it does, and the share of the whole work done before it, 0…1.

    `engine.terminal.progress` draws it on a terminal, the demo in its own way; a test collects it.
    """

    doing: str
    share: float
