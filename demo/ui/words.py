"""Results in words and tables: HTML snippets, everything in them escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from engine.faces.finder import SAME
from engine.machine.jnd import LabelChange

from ..handlers.cloak import CloakView, Rated, Step
from ..handlers.faces import Found
from ..handlers.human import HumanView
from ..handlers.machine import MachineView
from ..handlers.screening import FEWEST, Results

PANEL_NAMES = {"alexnet": "AlexNet", "vgg": "VGG", "resnet": "ResNet", "densenet": "DenseNet"}


def decibels(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "no change"


def note(text: str, kind: str = "quiet") -> str:
    """One line below or instead of a result. kind: quiet, good, bad or busy."""
    busy = ' role="status"' if kind == "busy" else ""
    return f'<p class="jn-note jn-{kind}"{busy}>{escape(text)}</p>' if text else ""


def notes(lines: Iterable[str]) -> str:
    return "".join(note(line) for line in lines)


def headline(figure: str, text: str, kind: str = "good") -> str:
    """The one thing a result says: a large figure and a sentence."""
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


def answer(label: str, confidence: float, kept: bool | None) -> str:
    """One classifier's answer, its confidence as a bar, and whether it is still the same."""
    mark = {None: "", True: '<span class="jn-mark" aria-label="kept">✓</span>'}.get(
        kept, '<span class="jn-mark" aria-label="changed">✗</span>'
    )
    kind = {None: "plain", True: "kept"}.get(kept, "lost")
    return (
        f'<span class="jn-answer jn-{kind}">{mark}<b>{escape(label)}</b> '
        f"<i>{confidence:.0%}</i>"
        f'<span class="jn-bar" style="--share:{confidence:.3f}" aria-hidden="true"></span></span>'
    )


def _kept(labels: Iterable[LabelChange]) -> int:
    return sum(label.before == label.after for label in labels)


def machine_headline(view: MachineView) -> str:
    result, noise = view.result, view.noise
    if not math.isfinite(result.psnr_db):
        return headline("0 dB", "No change of this picture keeps every answer.", "bad")
    count = len(result.labels)
    asked = [label for label in result.labels if label.classifier in result.members]
    same = {label.before for label in asked}
    what = f"still say <b>{escape(same.pop())}</b>" if len(same) == 1 else "keep their answer"
    text = (
        f"machines {what}, though the picture was changed to "
        f"<b>{decibels(result.psnr_db)}</b>. White noise of that strength leaves "
        f"{_kept(noise.labels)} of {count}."
    )
    return headline(f"{_kept(result.labels)} of {count}", text)


def machine_table(view: MachineView) -> str:
    rows = []
    for label, noise in zip(view.result.labels, view.noise.labels, strict=True):
        name = PANEL_NAMES.get(label.classifier, label.classifier)
        if label.classifier not in view.result.members:
            name += " <small>not asked</small>"
        rows.append(
            [
                name,
                answer(label.before, label.confidence_before, None),
                answer(label.after, label.confidence_after, label.before == label.after),
                answer(noise.after, noise.confidence_after, noise.before == noise.after),
            ]
        )
    head = ["Machine", "Original", "Changed", "Noise"]
    return table(head, rows, "What each machine sees, and how sure it is", "jn-answers")


def machine_facts(view: MachineView) -> str:
    result = view.result
    return facts(
        [
            ("PSNR", decibels(result.psnr_db), "of the PNG; lower is more change"),
            ("before clipping", decibels(result.psnr_unclipped_db), "as the paper counts it"),
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


def quality_facts(quality) -> list[tuple[str, str, str]]:
    """The numbers of an `engine.metrics.quality.Quality` that could be had."""
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


def face_boxes(faces: list[Found], size: tuple[int, int]) -> list[dict]:
    """Where the boxes of faces lie over their photo, in per cent of its size."""
    width, height = size
    return [
        {
            "number": face.number,
            "left": round(100 * face.box[0] / width, 3),
            "top": round(100 * face.box[1] / height, 3),
            "width": round(100 * (face.box[2] - face.box[0]) / width, 3),
            "height": round(100 * (face.box[3] - face.box[1]) / height, 3),
            "usable": face.usable,
        }
        for face in faces
    ]


def progress(step: Step, seconds: float, most: float, method: str = "") -> str:
    """Where a search stands; the bar is the share of its time."""
    held = "below the threshold already, making it smaller" if step.holds else "still recognised"
    what = f"{method}: " if method else ""
    text = f"{what}step {step.steps}, attempt {step.attempt}: {held} · {seconds:.0f} s"
    return (
        f'<div class="jn-progress" role="status"><progress max="{most:g}" '
        f'value="{min(seconds, most):.2f}" aria-label="time used"></progress>'
        f"<span>{escape(text)}</span></div>"
    )


def cloak_headline(view: CloakView, targeted: bool) -> str:
    face = view.numbers["faces"][0]
    before, after = face["distance_before"], face["distance_after"]
    moved = f"distance {before:.2f} → <b>{after:.2f}</b>; the same person below 0.6"
    if view.success and targeted:
        own = face["distance_to_original"]
        text = f"The face is taken for the person in the other photo: {moved}."
        if own < SAME:
            text += f" It is also still recognised as itself, at {own:.2f}: that protects nobody."
        return headline("Taken for another", text)
    if view.success:
        return headline("Cloaked", f"The face is no longer matched: {moved}.")
    text = "is not taken for the person in the other photo" if targeted else "is still matched"
    return headline(
        "Not cloaked", f"The face {text}: {moved}. Allow more seconds, or ask for less.", "bad"
    )


def cloak_facts(view: CloakView) -> str:
    numbers = view.numbers
    psnr = math.inf if numbers["psnr_db"] is None else numbers["psnr_db"]
    face = numbers["faces"][0]
    rows = [
        ("PSNR", decibels(psnr), "of the whole photo"),
        ("largest change", f"{numbers['largest_change']}", "levels of 255, of any pixel"),
        ("pixels changed", f"{numbers['changed_share']:.1%}", "all of them at the face"),
        ("beyond the threshold", f"{numbers['beyond_jnd_share']:.2%}", "of pixels, to an eye"),
        ("effort", f"{face['seconds']:.0f} s", f"{face['gradient_evaluations']} gradients"),
    ]
    if len(face["distances"]) > 1:
        worst = ", ".join(f"{name} {value:.2f}" for name, value in face["distances"].items())
        rows.append(("after other codecs", worst, "distance of each version"))
    return facts(rows)


def same_person(before, after) -> str:
    """What a recogniser says of the original and of the cloaked photo against a second one."""
    rows = []
    for name, found in (("original", before), ("cloaked", after)):
        said = "the same person" if found.same else "different people"
        kind = "lost" if found.same else "kept"
        cell = f'<span class="jn-answer jn-{kind}"><b>{said}</b></span>'
        rows.append([name, cell, f"{found.distance:.3f}"])
    head = ["Photo", "The recogniser says", f"Distance (same below {before.threshold})"]
    return table(head, rows, "Against the second photo")


def rated_table(rated: list[Rated]) -> str:
    """Each method's cloak in numbers, the best of every column marked."""
    columns = (
        ("PSNR", lambda r: r.quality.psnr_db, decibels, max),
        ("SSIM", lambda r: r.quality.ssim or 0.0, "{:.5f}".format, max),
        ("ΔE00", lambda r: r.quality.delta_e_mean, "{:.3f}".format, min),
        ("Largest change", lambda r: r.cloak.numbers["largest_change"], "{:d}".format, min),
        (
            "Beyond threshold",
            lambda r: r.cloak.numbers["beyond_jnd_share"],
            "{:.2%}".format,
            min,
        ),
        ("Seconds", lambda r: r.cloak.numbers["faces"][0]["seconds"], "{:.1f}".format, min),
    )
    won = [each for each in rated if each.cloak.success]
    best = {name: shown(pick(map(value, won))) for name, value, shown, pick in columns if won}
    rows = []
    for each in rated:
        done = each.cloak.success
        distance = each.cloak.numbers["faces"][0]["distance_after"]
        mark = (
            f'<span class="jn-answer jn-{"kept" if done else "lost"}"><b>{distance:.2f}</b></span>'
        )
        cells = []
        for name, value, shown, _ in columns:
            text = shown(value(each))
            first = done and text == best.get(name)
            cells.append(f"<strong>{text}</strong>" if first else text)
        rows.append([escape(each.method), mark, *cells])
    head = ["Method", "Distance", *(name for name, *_ in columns)]
    caption = "Same photo, same face, same recogniser; distance 0.6 is enough"
    return table(head, rows, caption, "jn-numbers")


def results_table(results: Results, names: dict[str, str]) -> str:
    """Mean scores of each pair of kinds, and who was left out."""

    def named(kind: str) -> str:
        return escape(names.get(kind, kind))

    rows = []
    for (first, second), seen in results.pairs.items():
        better, worse = (second, first) if seen.mean > 0 else (first, second)
        said = "no difference" if seen.mean == 0 else f"<b>{named(better)}</b> over {named(worse)}"
        spread = "–" if seen.n < 2 else f"{seen.std:.2f}"
        interval = "–" if seen.n < 2 else f"± {seen.interval:.2f}"
        rows.append([said, f"{abs(seen.mean):.2f}", spread, interval, str(seen.n)])
    head = ["Seen as better", "Mean (0…3)", "Std", "95 %", "Answers"]
    out = [viewer.name for viewer in results.viewers if viewer.rejected]
    count = len(results.viewers)
    if not results.screened:
        said = f"{count} viewer{'s' * (count != 1)}; screening of viewers needs {FEWEST} or more"
    elif out:
        said = f"{count} viewers, left out after BT.500 screening: {', '.join(out)}"
    else:
        said = f"{count} viewers; none left out by BT.500 screening"
    return table(head, rows, "Mean score of each pair") + note(said)
