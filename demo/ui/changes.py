"""A changed input clears, at once, what was computed from the old one.

The page empties the results itself, without asking the server. What is still being computed from
older inputs must then not be shown: the server records the latest inputs of each page, and work
for any others ends at its next step. Compared are the inputs themselves, so the order in which a
change and the work for it arrive does not matter. The page numbers its requests, so a change that
arrives after a later one is not taken for the latest.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ..server.visitors import current_order, current_page

PAGES = 1000  # recorded at once, the latest ones
QUIET = {"api_visibility": "private", "show_progress": "hidden", "queue": False}


class Recorded(NamedTuple):
    """The inputs of one request of a page, as `key` has them, and its number on that page."""

    order: int
    inputs: str


class Latest:
    """The latest inputs of each page, for one kind of work."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Recorded] = OrderedDict()

    def record(self, *inputs: object) -> None:
        """Record the inputs of the page whose event is being handled, unless it sent later ones."""
        session = current_page.get()
        if session is None:
            return
        before = self._of[session].order if session in self._of else 0
        order = current_order.get() or before
        if order >= before:
            self._of[session] = Recorded(order, key(inputs))
        self._of.move_to_end(session)
        while len(self._of) > PAGES:
            self._of.popitem(last=False)

    def is_current(self, *inputs: object) -> bool:
        """Whether these are still the latest inputs of the page.

        To be checked last, when the result is complete: only what is on its way by then is late.
        """
        recorded = self._of.get(current_page.get() or "")
        return recorded is None or recorded.inputs == key(inputs)

    def photo(self) -> object | None:
        """The photo, which is the first input, of the latest ones; None where there is none.

        To be asked before an example is shown: the visitor's own photo may have come first.
        """
        recorded = self._of.get(current_page.get() or "")
        return json.loads(recorded.inputs)[0] if recorded else None

    def recording(self, validator: Callable) -> Callable:
        """A validator that records the inputs first."""

        def check(*inputs):
            self.record(*inputs)
            return validator(*inputs)

        return check


def key(inputs: Iterable[object]) -> str:
    """The same text for the same inputs; a file, at any depth, counts by its path."""

    def plain(value: object) -> object:
        if not isinstance(value, dict):
            return value
        return value["path"] if "path" in value else {name: plain(value[name]) for name in value}

    return json.dumps([plain(value) for value in inputs])


def clear_results(triggers: Iterable[Callable], results: Mapping) -> None:
    """Let the page itself empty results at these events. results: component -> its empty value."""
    code = f"() => {json.dumps(list(results.values()))}"
    for trigger in triggers:
        trigger(None, None, list(results), js=code, **QUIET)


def record_inputs(triggers: Iterable[Callable], latest: Latest, inputs: list) -> None:
    """Record the inputs at these events, which come after the inputs have their new values."""
    for trigger in triggers:
        trigger(
            lambda *values: latest.record(*values),
            inputs,
            None,
            preprocess=False,
            trigger_mode="always_last",
            **QUIET,
        )
