"""Which visitors' long work is running, so that a Stop can wait for its end.

Gradio closes a cancelled generator when its present step is over; a step that was already on its
way to the page would then overwrite what Stop has written. So Stop waits for the end first.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import gradio as gr

from .changes import QUIET
from .html import note

LONGEST = 60.0  # seconds, as long as Gradio itself tries to close a generator
PAUSE = 0.05


class Running:
    """The running work of one kind, counted by visitor."""

    def __init__(self) -> None:
        self._now: Counter[str] = Counter()

    @contextmanager
    def of(self, visitor: str) -> Iterator[None]:
        """Around the work of a generator: it counts until that is finished or closed."""
        self._now[visitor] += 1
        try:
            yield
        finally:
            self._now[visitor] -= 1
            if not self._now[visitor]:
                del self._now[visitor]

    def __contains__(self, visitor: str) -> bool:
        return visitor in self._now

    def wait(self, visitor: str, longest: float = LONGEST) -> bool:
        """Until nothing of this visitor's runs any more; False where that takes too long."""
        until = time.monotonic() + longest
        while visitor in self:
            if time.monotonic() > until:
                return False
            time.sleep(PAUSE)
        return True


def add_stop(
    button, running: Running, events: list, status, text: str, empty: Mapping | None = None
) -> None:
    """Make a button cancel these events, wait for their end, and then show the text in `status`.

    It says at once that it stops, and an event that fails leaves no `status`. empty: components
    and what they show then, for the work may have been finished just before.
    """

    shown = {status: note(text), **(empty or {})}

    def stop(request: gr.Request) -> dict:
        running.wait(request.session_hash)
        return shown

    # Listeners of their own, for a page does one after the other, and waits for each.
    stopping = f"() => {json.dumps(note('Stopping …', 'busy'))}"
    button.click(None, None, status, js=stopping, **QUIET)
    button.click(None, None, None, cancels=events, api_visibility="private")
    button.click(
        stop,
        None,
        list(shown),
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    for event in events:
        clear_on_failure(event, status)


def clear_on_failure(event, status) -> None:
    """Nothing is being done any more where an event was refused or failed; what was said stays."""
    idle = "text => /jn-(busy|progress)/.test(text || '') ? '' : text"
    event.failure(None, status, status, js=idle, **QUIET)
