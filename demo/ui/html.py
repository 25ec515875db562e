"""What reports are made of: HTML snippets, every text in them escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape


def note(text: str, kind: str = "quiet") -> str:
    """One line below or instead of a result. kind: quiet, good, bad or busy."""
    busy = ' role="status"' if kind == "busy" else ""
    return f'<p class="jn-note jn-{kind}"{busy}>{escape(text)}</p>' if text else ""


def notes(lines: Iterable[str]) -> str:
    return "".join(note(line) for line in lines)


def headline(figure: str, text: str, kind: str = "good") -> str:
    """The main finding of a result: a large figure and a sentence."""
    return (
        f'<div class="jn-headline jn-{kind}" role="status"><span class="jn-figure">'
        f"{escape(figure)}</span><span>{text}</span></div>"
    )


def table(head: list[str], rows: list[list[str]], caption: str, kind: str = "") -> str:
    """A table; cells are HTML, heads and caption are text. The first column names the row."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(
            f'<td data-label="{escape(name)}">{cell}</td>'
            for name, cell in zip(head[1:], row[1:], strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="jn-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="jn-table {kind}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def facts(rows: list[tuple[str, str, str]]) -> str:
    """Numbers with their names and a word on each: (name, value, explanation)."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(hint)}</small></dd></div>"
        for name, value, hint in rows
    )
    return f'<dl class="jn-facts">{items}</dl>'


def chips(marks: Mapping[str, bool]) -> str:
    """What holds and what does not: words -> whether, one after the other."""
    items = "".join(
        f'<li class="jn-{"kept" if holds else "lost"}"><span class="jn-mark" role="img" '
        f'aria-label="{"holds" if holds else "does not hold"}">{"✓" if holds else "✗"}</span> '
        f"{escape(words)}</li>"
        for words, holds in marks.items()
    )
    return f'<ul class="jn-chips">{items}</ul>' if items else ""


def progress(share: float, text: str, label: str = "work done") -> str:
    """A bar, 0…1, and a line below it."""
    return (
        f'<div class="jn-progress" role="status"><progress max="1" value="{share:.3f}" '
        f'aria-label="{escape(label)}"></progress><span>{escape(text)}</span></div>'
    )


def decibels(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "no change"
