"""A machine JND in words and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from engine.panels.predicted import LabelChange

from ...handlers.machine import MachineView
from .. import html
from ..html import decibels
from .labels import NAMES, classes_in_words, label_cell


def _same(labels: Iterable[LabelChange]) -> int:
    return sum(label.same for label in labels)


def headline(view: MachineView) -> str:
    result, noise = view.result, view.noise
    if not math.isfinite(result.psnr_db):
        return html.headline("No change", "that keeps every answer was found here.", "bad")
    count = len(result.labels)
    share = f"{_same(result.labels)} of {count}"
    left = _same(noise.labels)
    beside = f"White noise as strong leaves {left} of {count}."
    if left >= _same(result.labels):
        beside = (
            f"White noise as strong leaves {left} of {count} as well: this picture is easy for "
            "them."
        )
    changed = f"changed picture (<b>{decibels(result.psnr_db)}</b>)"
    if view.unsure:
        text = (
            "what this shows: the machines do not agree, or only guess. Even so, "
            f"{share} keep their guess in the {changed}. {beside}"
        )
        return html.headline("Unsure", text, "plain")
    label = escape(result.labels[0].before)
    text = f"machines still see <b>{label}</b> in the {changed}. {beside}"
    return html.headline(share, text)


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
                label_cell(label.after, label.confidence_after, label.same),
                label_cell(noise.after, noise.confidence_after, noise.same),
            ]
        )
    head = ["Machine", "Original", "Changed", "Noise"]
    caption = "What each machine answers, and how sure it is"
    answers = html.table(head, rows, caption, "jn-answers")
    return answers + html.note(classes_in_words(view.class_names))


def facts(view: MachineView) -> str:
    result = view.result
    width, height = result.original.shape[1::-1]
    return html.facts(
        [
            ("PSNR", decibels(result.psnr_db), "lower is more change"),
            ("before clipping", decibels(result.psnr_unclipped_db), "as Jin et al. give it"),
            ("pixels changed", f"{result.changed_share:.0%}", f"of {width}×{height}"),
            ("share that holds", f"{result.scale:.0%}", f"of strength {result.strength:g}"),
        ]
    )
