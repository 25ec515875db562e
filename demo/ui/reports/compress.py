"""A compressed photo in words and tables."""

from __future__ import annotations

from statistics import mean

from engine.compress.result import CompressedPhoto, chosen
from engine.quality.machines import chance_by_labels
from engine.system.progress import Progress

from ...handlers.compress import FORMAT_NAMES
from ...handlers.machine import SURE, unsure
from .. import html
from ..html import decibels
from .labels import IMAGENET, before_and_after


def progress(step: Progress, seconds: float) -> str:
    """Where the search stands; the bar is the share of the work that is taken to be done."""
    return html.progress(step.share, f"{step.doing} · {seconds:.0f} s")


def guessed(result: CompressedPhoto) -> bool:
    """Whether what the machines keep is a guess, before or after."""
    return unsure(result.labels) or any(each.confidence_after < SURE for each in result.labels)


def headline(result: CompressedPhoto) -> str:
    """How much smaller than plain encoding, and how far the machines' answers can be relied on."""
    if result.unchanged:
        text = (
            "No smaller file was found that the machines understand as well: it is returned as it "
            f"is, <b>{result.bytes_before:,} bytes</b>, metadata included."
        )
        return html.headline("As it is", text, "plain")
    plain, after = result.bytes_plain, result.bytes_after
    format = FORMAT_NAMES.get(result.format, result.format)
    if plain and after < plain and round(100 * (1 - after / plain)):
        figure = f"{1 - after / plain:.0%} smaller"
        text = f"than plain {format}: <b>{after:,} bytes</b> against {plain:,}."
    else:
        figure = f"{after:,} bytes"
        text = f"of {result.bytes_before:,}, as many as plain {format} needs."
    doubt, chance = guessed(result), chance_by_labels(result.labels)
    sure = mean(each.confidence_after for each in result.labels)
    text += f" {result.kept('machines').capitalize()} (verified)"
    text += f", but now it is a guess, {sure:.0%} sure." if doubt else "."
    if chance is not None:
        text += f" Another machine keeps its own with an estimated chance of <b>{chance:.0%}</b>."
    likely = chance is not None and chance >= 0.5
    return html.headline(figure, text, "plain" if doubt else "good" if likely else "mixed")


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
        ("this file", f"{after:,}", f"bytes, {FORMAT_NAMES.get(result.format, result.format)}"),
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
        ("your file", f"{result.bytes_before:,}", "bytes"),
        ("difference", decibels(result.psnr_db), "PSNR to the original; lower is more change"),
    ]
    how = "" if result.settings is None else html.note(f"Encoded at: {chosen(result.settings)}.")
    if result.settings is not None and "subsampling" in result.settings:
        how += html.note(f"Colour is stored at {result.settings['subsampling']}.")
    more = "“Smallest” finds smaller ones, and takes longer: see Advanced."
    hint = html.note(more if result.method == "bisect" else "")
    return html.facts(rows) + hint + html.details("How it was made", how + html.notes(result.notes))
