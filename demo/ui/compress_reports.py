"""A compressed photo in words and tables, as HTML."""

from __future__ import annotations

from html import escape

from engine.compress.result import CompressedPhoto, chosen
from engine.system.progress import Progress

from .html import facts, headline, notes, table
from .reports import decibels, label_cell


def compress_progress(step: Progress, seconds: float) -> str:
    """Where the search stands; the bar is the share of the work that is taken to be done."""
    return (
        f'<div class="jn-progress" role="status"><progress max="1" value="{step.share:.3f}" '
        f'aria-label="work done"></progress>'
        f"<span>{escape(f'{step.doing} · {seconds:.0f} s')}</span></div>"
    )


def compress_headline(result: CompressedPhoto) -> str:
    if result.unchanged:
        text = (
            "No smaller file was found that the machines understand as well: it is returned as it "
            f"is, <b>{result.bytes_before:,} bytes</b>, metadata included."
        )
        return headline("As it is", text, "bad")
    sizes = f"{result.bytes_before:,} → <b>{result.bytes_after:,} bytes</b>"
    return headline(
        f"{result.bytes_after / result.bytes_before:.1%}",
        f"of the file is left, {sizes}, and {result.kept('machines')}: verified on the very file, "
        "decoded again.",
    )


def compress_table(result: CompressedPhoto) -> str:
    """The label of each classifier before and after."""
    rows = []
    for label in result.labels:
        same = label.same or (None if result.keep == "top5" else False)  # another may be first
        rows.append(
            [
                escape(label.classifier),
                label_cell(label.before, label.confidence_before, None),
                label_cell(label.after, label.confidence_after, same),
            ]
        )
    head = ["Machine", "Original", "Compressed"]
    return table(head, rows, "The label each machine predicts, and its confidence", "jn-answers")


def compress_facts(result: CompressedPhoto) -> str:
    plain, after = result.bytes_plain, result.bytes_after
    rows = [
        ("before", f"{result.bytes_before:,}", "bytes of your file"),
        ("after", f"{after:,}", f"bytes, {result.format}"),
        (
            "plain encoding",
            "none" if plain is None else f"{plain:,}",
            "bytes, at equal answers",
        ),
    ]
    if plain is not None and not result.unchanged:
        rows.append(("saved", f"{1 - after / plain:.0%}", "of plain encoding's bytes"))
    rows += [
        ("PSNR", decibels(result.psnr_db), "against the original"),
        ("verified", "yes" if result.verified else "no", "on the decoded file"),
    ]
    if result.settings is not None:
        shown = result.settings
        chroma = f"chroma {shown['subsampling']}" if "subsampling" in shown else ""
        rows.append(("encoded at", chosen(shown), chroma))
    return facts(rows) + notes(result.notes)
