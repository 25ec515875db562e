"""Committed results, and the Markdown around their numbers."""

from __future__ import annotations

from ..records import record


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
