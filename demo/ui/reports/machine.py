"""A machine JND in words and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from engine.panels.predicted import LabelChange

from ...handlers.machine import SURE, MachineView
from .. import html
from ..html import decibels
from .labels import NAMES, classes_in_words, label_cell


def _same(labels: Iterable[LabelChange]) -> int:
    return sum(label.same for label in labels)


def headline(view: MachineView) -> str:
    result, noise = view.result, view.noise
    if not math.isfinite(result.psnr_db):
        return html.headline("No change", "that keeps every answer was found here.", "plain")
    count = len(result.labels)
    share = f"{_same(result.labels)} of {count}"
    left = _same(noise.labels)
    beside = f"After white noise of the same energy {left} of {count} do."
    if left >= _same(result.labels):
        beside = (
            f"After white noise of the same energy {left} of {count} do as well: this picture is "
            "easy for them."
        )
    if view.unsure:
        text = (
            "what this shows: the machines do not agree, or only guess. Even so, "
            f"{share} keep their guess in the changed picture. {beside}"
        )
        return html.headline("Unsure", text, "plain")
    label = escape(result.labels[0].before)
    text = f"machines still see <b>{label}</b> in the changed picture. {beside}"
    guesses = any(each.confidence_after < SURE for each in result.labels)
    if guesses:
        text += " Some of them only guess by now."
    whole = _same(result.labels) == count
    return html.headline(share, text, "plain" if guesses else "good" if whole else "mixed")


def table(view: MachineView) -> str:
    rows = []
    for label, noise in zip(view.result.labels, view.noise.labels, strict=True):
        name = NAMES.get(label.classifier, label.classifier)
        if label.classifier not in view.result.members:
            name += " <small>not required</small>"
        rows.append(
            [
                name,
                label_cell(label.before, label.confidence_before, None),
                label_cell(label.after, label.confidence_after, label.same, view.unsure),
                label_cell(noise.after, noise.confidence_after, noise.same, view.unsure),
            ]
        )
    head = ["Machine", "Original", "Changed", "Noise"]
    caption = "What each machine answers, and how sure it is"
    answers = html.table(head, rows, caption, "jn-answers")
    return answers + html.note(classes_in_words(view.class_names))


def facts(view: MachineView) -> str:
    result = view.result
    width, height = result.original.shape[1::-1]
    numbers = html.facts(
        [
            ("change", decibels(result.psnr_db), "PSNR to the original; lower is more change"),
            ("pixels changed", f"{result.changed_share:.0%}", f"of {width}×{height}"),
            (
                "kept of the change",
                f"{result.scale:.0%}",
                f"of what was proposed at strength {result.strength:g}",
            ),
        ]
    )
    clipped = (
        f"Before values beyond black and white were clipped: {decibels(result.psnr_unclipped_db)}, "
        "as Jin et al. 2021 give it."
    )
    return numbers + html.details("Details", html.note(clipped) + html.notes(result.notes))
