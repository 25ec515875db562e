"""Committed results, and the Markdown around their numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from ..records import record

Table = Callable[[], str]


def if_measured(name: str, command: str) -> Callable[[Callable[[dict], str]], Table]:
    """Decorates what makes a table of `training/results/NAME.json`.

    Until there is one, the table says by which `command` of `python -m training` to get it.
    """

    def decorate(table: Callable[[dict], str]) -> Table:
        @wraps(table)
        def made() -> str:
            result = record.published(name)
            return table(result) if result else f"Not measured yet: `training {command}`."

        return made

    return decorate


def committed(name: str) -> dict:
    """One experiment's results, `training/results/NAME.json`. Raises FileNotFoundError."""
    return record.read_json(record.RESULTS / f"{name}.json")


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f} %"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def source(result: dict) -> str:
    """What was measured where and how, as the end of a table's note."""
    return f"{result['data']}; {result['hardware']}; `{result['command']}`."
