"""Results in words and tables, as HTML: headline, table and facts of each tab."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from engine.cloak.judge.survival import in_words
from engine.cloak.result import CloakedPhoto
from engine.cloak.state import CloakProgress
from engine.faces.verification import Comparison
from engine.metrics.quality import Quality
from engine.panels.predicted import LabelChange

from ..handlers.cloak import Rated
from ..handlers.human import HumanView
from ..handlers.machine import MachineView
from ..handlers.viewer_statistics import FEWEST, Results
from .html import facts, headline, note, table

PANEL_NAMES = {"alexnet": "AlexNet", "vgg": "VGG", "resnet": "ResNet", "densenet": "DenseNet"}


def decibels(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "no change"


def label_cell(label: str, confidence: float, same: bool | None) -> str:
    """One classifier's label, its confidence as a bar, and whether it is the original's."""
    mark = {None: "", True: '<span class="jn-mark" aria-label="kept">✓</span>'}.get(
        same, '<span class="jn-mark" aria-label="changed">✗</span>'
    )
    kind = {None: "plain", True: "kept"}.get(same, "lost")
    return (
        f'<span class="jn-answer jn-{kind}">{mark}<b>{escape(label)}</b> '
        f"<i>{confidence:.0%}</i>"
        f'<span class="jn-bar" style="--share:{confidence:.3f}" aria-hidden="true"></span></span>'
    )


def _same(labels: Iterable[LabelChange]) -> int:
    return sum(label.same for label in labels)


def machine_headline(view: MachineView) -> str:
    result, noise = view.result, view.noise
    if not math.isfinite(result.psnr_db):
        return headline("0 dB", "No change of this picture keeps every label.", "bad")
    count = len(result.labels)
    members = [label for label in result.labels if label.classifier in result.members]
    before = {label.before for label in members}
    what = f"still see <b>{escape(before.pop())}</b>" if len(before) == 1 else "keep their label"
    text = (
        f"machines {what}, though the picture was changed to "
        f"<b>{decibels(result.psnr_db)}</b>. White noise of that strength leaves "
        f"{_same(noise.labels)} of {count}."
    )
    return headline(f"{_same(result.labels)} of {count}", text)


def machine_table(view: MachineView) -> str:
    rows = []
    for label, noise in zip(view.result.labels, view.noise.labels, strict=True):
        name = PANEL_NAMES.get(label.classifier, label.classifier)
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
    return table(head, rows, "The label each machine predicts, and its confidence", "jn-answers")


def machine_facts(view: MachineView) -> str:
    result = view.result
    return facts(
        [
            ("PSNR", decibels(result.psnr_db), "of the PNG; lower is more change"),
            ("before clipping", decibels(result.psnr_unclipped_db), "as in the paper"),
            ("pixels changed", f"{result.changed_share:.0%}", "of 32×32"),
            ("change that holds", f"{result.scale:.0%}", f"of strength {result.strength:g}"),
        ]
    )


def human_headline(view: HumanView) -> str:
    result = view.result
    red, green, blue = result.mean
    text = (
        f"levels of 255 may change unnoticed, on average over this picture "
        f"(red {red:.1f}, green {green:.1f}, blue {blue:.1f}). Noise at "
        f"<b>{result.level:.3g}×</b> that threshold: "
        f"<b>{decibels(result.quality.psnr_db)}</b>."
    )
    return headline(f"±{sum(result.mean) / 3:.1f}", text)


def quality_facts(quality: Quality) -> list[tuple[str, str, str]]:
    """The numbers that were measured: (name, value, explanation) each."""
    rows = [
        ("PSNR", decibels(quality.psnr_db), "energy of the change; more is less change"),
        ("SSIM", "" if quality.ssim is None else f"{quality.ssim:.4f}", "structure; 1 is equal"),
        ("ΔE00", f"{quality.delta_e_mean:.2f}", "mean colour difference (CIEDE2000)"),
        ("pixels changed", f"{quality.changed_share:.1%}", "by one level or more"),
    ]
    if quality.beyond_jnd_share is not None:
        beyond = f"{quality.beyond_jnd_share:.1%}"
        rows.append(("beyond the threshold", beyond, f"of pixels, by {quality.jnd_model}"))
    if quality.jod is not None:
        rows.append(("JOD", f"{quality.jod:.2f}", "ColorVideoVDP; 10 is no visible difference"))
    if quality.fsim is not None:
        rows.append(("FSIM", f"{quality.fsim:.4f}", "features; 1 is equal"))
    if quality.vif is not None:
        rows.append(("VIF", f"{quality.vif:.4f}", "information; 1 is equal"))
    return [row for row in rows if row[1]]


def progress(step: CloakProgress, seconds: float, longest: float, method: str = "") -> str:
    """The progress of a search; the bar is the share of its time."""
    state = "success, making the change smaller" if step.holds else "no success yet"
    what = f"{method}: " if method else ""
    text = f"{what}step {step.steps}, attempt {step.attempt}: {state} · {seconds:.0f} s"
    return (
        f'<div class="jn-progress" role="status"><progress max="{longest:g}" '
        f'value="{min(seconds, longest):.2f}" aria-label="time used"></progress>'
        f"<span>{escape(text)}</span></div>"
    )


def cloak_headline(result: CloakedPhoto, targeted: bool) -> str:
    face = result.faces[0]
    before, after = face.before, face.after
    distances = f"distance {before:.2f} → <b>{after:.2f}</b>; the same person below 0.6"
    if result.success and targeted:
        text = f"The face is matched with the person in the other photo: {distances}."
        if face.recognisable:
            text += (
                f" It is also still recognised as itself, at {face.own:.2f}: that protects nobody."
            )
        return headline("Matched with another", text)
    if result.success:
        text = f"The face is no longer matched: {distances}. This file {in_words(face.survives)}."
        return headline("Cloaked", text)
    text = "is not matched with the person in the other photo" if targeted else "is still matched"
    return headline(
        "Not cloaked", f"The face {text}: {distances}. Allow more seconds, or ask for less.", "bad"
    )


def cloak_facts(result: CloakedPhoto) -> str:
    face = result.faces[0]
    rows = [
        ("PSNR", decibels(result.psnr_db), "of the whole photo"),
        ("largest change", f"{result.largest}", "levels of 255, of any pixel"),
        ("pixels changed", f"{result.changed_share:.1%}", "all of them at the face"),
        ("beyond the threshold", f"{result.beyond_share:.2%}", "of pixels, for the eye"),
        ("effort", f"{face.seconds:.0f} s", f"{face.gradients} gradients"),
    ]
    if len(face.distances) > 1:
        worst = ", ".join(f"{name} {value:.2f}" for name, value in face.distances.items())
        rows.append(("after other codecs", worst, "distance of each version"))
    return facts(rows)


def verification_table(before: Comparison, after: Comparison) -> str:
    """The original and the cloaked photo, each compared with a second photo."""
    rows = []
    for name, comparison in (("original", before), ("cloaked", after)):
        verdict = "the same person" if comparison.same else "different people"
        kind = "lost" if comparison.same else "kept"
        cell = f'<span class="jn-answer jn-{kind}"><b>{verdict}</b></span>'
        rows.append([name, cell, f"{comparison.distance:.3f}"])
    head = ["Photo", "For the recogniser", f"Distance (same below {before.threshold})"]
    return table(head, rows, "Against the second photo")


def rated_table(rated: list[Rated]) -> str:
    """Each method's cloak in numbers, the best of every column marked."""
    columns = (
        ("PSNR", lambda r: r.quality.psnr_db, decibels, max),
        ("SSIM", lambda r: r.quality.ssim or 0.0, "{:.5f}".format, max),
        ("ΔE00", lambda r: r.quality.delta_e_mean, "{:.3f}".format, min),
        ("Largest change", lambda r: r.cloak.largest, "{:d}".format, min),
        (
            "Beyond threshold",
            lambda r: r.cloak.beyond_share,
            "{:.2%}".format,
            min,
        ),
        ("Seconds", lambda r: r.cloak.faces[0].seconds, "{:.1f}".format, min),
    )
    successes = [each for each in rated if each.cloak.success]
    best = {
        name: shown(pick(map(value, successes)))
        for name, value, shown, pick in columns
        if successes
    }
    rows = []
    for each in rated:
        done = each.cloak.success
        distance = each.cloak.faces[0].after
        mark = (
            f'<span class="jn-answer jn-{"kept" if done else "lost"}"><b>{distance:.2f}</b></span>'
        )
        cells = []
        for name, value, text_of, _ in columns:
            text = text_of(value(each))
            first = done and text == best.get(name)
            cells.append(f"<strong>{text}</strong>" if first else text)
        rows.append([escape(each.method), mark, *cells])
    head = ["Method", "Distance", *(name for name, *_ in columns)]
    caption = "Same photo, same face, same recogniser; distance 0.6 is enough"
    return table(head, rows, caption, "jn-numbers")


def results_table(results: Results, names: dict[str, str]) -> str:
    """Mean scores of each pair of kinds, and which viewers were excluded."""

    def named(kind: str) -> str:
        return escape(names.get(kind, kind))

    rows = []
    for (first, second), summary in results.pairs.items():
        better, worse = (second, first) if summary.mean > 0 else (first, second)
        order = (
            "no difference" if summary.mean == 0 else f"<b>{named(better)}</b> over {named(worse)}"
        )
        spread = "–" if summary.n < 2 else f"{summary.std:.2f}"
        interval = "–" if summary.n < 2 else f"± {summary.interval:.2f}"
        rows.append([order, f"{abs(summary.mean):.2f}", spread, interval, str(summary.n)])
    head = ["Seen as better", "Mean (0…3)", "Std", "95 %", "Answers"]
    excluded = [viewer.name for viewer in results.viewers if viewer.rejected]
    count = len(results.viewers)
    if not results.screened:
        screening = (
            f"{count} viewer{'s' * (count != 1)}; screening of viewers needs {FEWEST} or more"
        )
    elif excluded:
        screening = f"{count} viewers, excluded after BT.500 screening: {', '.join(excluded)}"
    else:
        screening = f"{count} viewers; none excluded by BT.500 screening"
    return table(head, rows, "Mean score of each pair") + note(screening)
