"""A compressed photo in words and tables."""

from __future__ import annotations

from engine.compress.result import CompressedPhoto, chosen
from engine.system.progress import Progress

from ...handlers.machine import unsure
from .. import html
from ..html import decibels
from .labels import IMAGENET, before_and_after


def progress(step: Progress, seconds: float) -> str:
    """Where the search stands; the bar is the share of the work that is taken to be done."""
    return html.progress(step.share, f"{step.doing} · {seconds:.0f} s")


def headline(result: CompressedPhoto) -> str:
    if result.unchanged:
        text = (
            "No smaller file was found that the machines understand as well: it is returned as it "
            f"is, <b>{result.bytes_before:,} bytes</b>, metadata included."
        )
        return html.headline("As it is", text, "bad")
    sizes = f"{result.bytes_before:,} → <b>{result.bytes_after:,} bytes</b>"
    return html.headline(
        f"{result.bytes_after / result.bytes_before:.1%}",
        f"of the file is left, {sizes}, and {result.kept('machines')}: verified on the very file, "
        "decoded again.",
    )


def table(result: CompressedPhoto) -> str:
    """The label of each classifier before and after."""
    other = None if result.keep == "top5" else False  # of top5, another label may be first
    kept = {label.classifier: label.same or other for label in result.labels}
    answers = before_and_after(result.labels, ("Original", "Compressed"), kept)
    doubt = (
        "The machines are unsure what this photo shows: what they keep is a guess."
        if unsure(result.labels)
        else ""
    )
    return answers + html.note(doubt) + html.note(IMAGENET)


def facts(result: CompressedPhoto) -> str:
    plain, after = result.bytes_plain, result.bytes_after
    rows = [
        ("before", f"{result.bytes_before:,}", "bytes of your file"),
        ("after", f"{after:,}", f"bytes, {result.format}"),
        (
            "plain encoding",
            "none" if plain is None else f"{plain:,}",
            "bytes, at the lowest quality with equal answers",
        ),
    ]
    if plain is not None and not result.unchanged:
        fewer = 1 - after / plain
        value = f"{fewer:.0%} fewer" if round(100 * fewer) else "as many"
        rows.append(("against plain encoding", value, "bytes"))
    rows += [
        ("PSNR", decibels(result.psnr_db), "against the original"),
        ("verified", "yes" if result.verified else "no", "on the decoded file"),
    ]
    if result.settings is not None:
        shown = result.settings
        chroma = f"chroma {shown['subsampling']}" if "subsampling" in shown else ""
        rows.append(("encoded at", chosen(shown), chroma))
    more = "A search finds smaller ones, and takes longer: see Advanced."
    hint = html.note(more if result.method == "bisect" else "")
    return html.facts(rows) + hint + html.notes(result.notes)
