"""A changed input clears, at once, what was computed from the old one.

The page empties the results itself, without asking the server. What is still being computed from
older inputs must then not be shown: the server knows what each page has chosen last, and work for
anything else ends at its next step. Compared are the inputs themselves, so the order in which a
change and the work for it arrive does not matter.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from ..server.visitors import page

PAGES = 1000  # remembered at once, the latest ones
QUIET = {"api_visibility": "private", "show_progress": "hidden", "queue": False}


class Latest:
    """The inputs that each page has chosen last, of one kind of work."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, str] = OrderedDict()

    def note(self, *inputs: object) -> None:
        """Remember the inputs of the page whose event is being handled."""
        session = page.get()
        if session is not None:
            self._of[session] = key(inputs)
            self._of.move_to_end(session)
            while len(self._of) > PAGES:
                self._of.popitem(last=False)

    def holds(self, *inputs: object) -> bool:
        """Whether the page has chosen nothing else in the meantime.

        To be looked at last, when the result is all made: only what is on its way by then is late.
        """
        return self._of.get(page.get() or "", key(inputs)) == key(inputs)

    def before(self, validator: Callable) -> Callable:
        """A validator that notes the inputs first."""

        def check(*inputs):
            self.note(*inputs)
            return validator(*inputs)

        return check


def key(inputs: Iterable[object]) -> str:
    """The same text for the same inputs; a file counts by its path."""

    def plain(value: object) -> object:
        return value.get("path") if isinstance(value, dict) else value

    return json.dumps([plain(value) for value in inputs])


def clears(triggers: Iterable[Callable], results: Mapping) -> None:
    """Let the page itself empty results at these events. results: component -> its empty value."""
    code = f"() => {json.dumps(list(results.values()))}"
    for trigger in triggers:
        trigger(None, None, list(results), js=code, **QUIET)


def notes(triggers: Iterable[Callable], latest: Latest, inputs: list) -> None:
    """Let the server know of new inputs at these events, by which the inputs have them."""
    for trigger in triggers:
        trigger(
            lambda *values: latest.note(*values),
            inputs,
            None,
            preprocess=False,
            trigger_mode="always_last",
            **QUIET,
        )
