"""A watermark in words: what was embedded, what the file survives, what was read."""

from __future__ import annotations

from html import escape

from engine.system.progress import Progress
from engine.watermark.changes import CHANGES
from engine.watermark.reader import Reading
from engine.watermark.result import WatermarkedPhoto

from .. import html
from ..html import decibels
from .labels import IMAGENET, before_and_after


def progress(step: Progress, seconds: float) -> str:
    """Where the work stands."""
    return html.progress(step.share, f"{step.doing} · {seconds:.0f} s")


def headline(result: WatermarkedPhoto) -> str:
    """What the file carries, and how many changes it survives."""
    survived, tried = sum(result.survived.values()), len(result.survived)
    text = (
        f"<b>“{escape(result.payload.shown)}”</b> was read back from the finished file, and after "
        f"{survived} of {tried} changes to it."
    )
    return html.headline("Marked", text)


def survival(result: WatermarkedPhoto) -> str:
    """Each change that was tried on this very file."""
    marks = {CHANGES[name][1]: holds for name, holds in result.survived.items()}
    return f"<h3>Can be read after</h3>{html.chips(marks)}"


def facts(result: WatermarkedPhoto) -> str:
    rows = [
        ("payload", f"{result.payload.bits} bits", "of 256 at most"),
        ("PSNR", decibels(result.psnr_db), "higher is less change"),
        ("file", f"{len(result.data):,}", f"bytes, {result.format}"),
    ]
    table = ""
    if result.labels:
        kept = {label.classifier: label.same for label in result.labels}
        table = before_and_after(result.labels, ("Original", "Marked"), kept) + html.note(IMAGENET)
    return html.facts(rows) + table + html.notes(result.notes)


def reading(result: Reading, *, thorough: bool) -> str:
    """What a picture says under a key. thorough: it was looked for at every scale."""
    if not result.found:
        text = (
            "No mark of this key is in the picture: it was never marked, was marked with another "
            "key, or was changed too much."
        )
        if not thorough:
            text += " If it was made larger or smaller, tick <i>It was resized</i>."
        return html.headline("Nothing found", text, "plain") + html.notes(result.notes)
    shown = result.payload if isinstance(result.payload, str) else result.payload.hex()
    kind = "text" if isinstance(result.payload, str) else "bytes"
    text = (
        f"the {kind} in this picture. Something is read in an unmarked one less than once "
        f"in {1 / result.false_alarm:,.0f} times."
    )
    return html.headline(f"“{shown}”", text) + html.notes(result.notes)
