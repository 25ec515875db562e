"""A cloak in words and tables: how far it is, what became of the face, and methods side by side."""

from __future__ import annotations

from html import escape

from engine.cloak.judge.versions import WORDS
from engine.cloak.result import CloakedFace, CloakedPhoto
from engine.cloak.state import CloakProgress
from engine.faces.finder import SAME
from engine.faces.verification import Comparison

from ...handlers.cloak import LABELS, Rated
from .. import html
from ..html import decibels, table

FARTHEST = 1.0  # distance at the right end of the scale
# As people say it, where the command line's words are short.
SAVED = WORDS | {
    "jpeg90": "saved as JPEG 90",
    "jpeg75": "saved as JPEG 75",
    "webp80": "saved as WebP 80",
    "half": "at half size",
    "half+jpeg80": "at half size, JPEG 80",
    "1.5x+back": "enlarged and reduced again",
}


def progress(step: CloakProgress, seconds: float, longest: float, method: str = "") -> str:
    """The progress of a search; the bar is the share of its time."""
    state = "not matched any more, making the change smaller" if step.holds else "still matched"
    what = f"{method}: " if method else ""
    text = f"{what}attempt {step.attempt}, step {step.steps}: {state} · {seconds:.0f} s"
    return html.progress(min(1.0, seconds / longest), text, "time used")


def headline(result: CloakedPhoto, targeted: bool) -> str:
    """The verdict on the finished file."""
    face = result.faces[0]
    if result.success and targeted:
        text = "The recogniser takes the face for the person in the other photo."
        if face.recognisable:
            text += (
                f" It also still recognises the face as itself ({face.own:.2f}): that protects "
                "nobody."
            )
        return html.headline("Matched with another", text)
    if result.success:
        return html.headline(
            "Hidden",
            "from dlib's recogniser, which no longer takes this for the same person. Others may.",
        )
    text = "does not match the face with the other person" if targeted else "still matches the face"
    return html.headline(
        "Not hidden", f"The recogniser {text}. Allow more seconds, or ask for less.", "bad"
    )


def withstands(result: CloakedPhoto) -> str:
    """The distance on a scale, and what this very file withstands."""
    face = result.faces[0]
    scale = distance_scale(face)
    if not (result.success and face.survives):
        return scale
    marks = {SAVED[name]: each.reached for name, each in face.survives.items()}
    unseen = {name: not each.same for name, each in face.others.items()}
    heading = "<h3>Hidden from recognisers it was not made against</h3>" if unseen else ""
    limits = html.note(
        "All of it measured on this very file. Other recognisers may still match it, and people "
        "always will: do not rely on it where being recognised is dangerous."
    )
    return (
        f"{scale}<h3>Still hidden when the file is</h3>{html.chips(marks)}"
        f"{heading}{html.chips(unseen) if unseen else ''}{limits}"
    )


def distance_scale(face: CloakedFace) -> str:
    """Where the face was and is, on one scale: a match up to `SAME`."""

    def at(distance: float) -> str:
        return f"{100 * min(distance, FARTHEST) / FARTHEST:.1f}%"

    words = (
        f"Distance to {'the other person' if face.targeted else 'your face'}: {face.before:.2f} "
        f"before, {face.after:.2f} now; up to {SAME:g} it is a match"
    )
    dots = f'<i style="left:{at(face.before)}"></i><b style="left:{at(face.after)}"></b>'
    return (
        f'<figure class="jn-distance"><div role="img" aria-label="{words}" '
        f'style="--same:{at(SAME)}">{dots}</div><figcaption>{words}.</figcaption></figure>'
    )


def facts(result: CloakedPhoto) -> str:
    face = result.faces[0]
    rows = [
        ("PSNR", decibels(result.psnr_db), "of the whole photo; higher is less change"),
        ("largest change", f"{result.largest}", "levels of 255, of any pixel"),
        ("pixels changed", f"{result.changed_share:.1%}", "all of them at the face"),
        ("visible to the eye", f"{result.beyond_share:.2%}", "of pixels, by the model of the eye"),
        ("effort", f"{face.seconds:.0f} s", f"{face.gradients} gradients"),
    ]
    return html.facts(rows)


def verification_table(before: Comparison, after: Comparison) -> str:
    """The original and the cloaked photo, each compared with a second photo, by each recogniser."""
    rows = []
    for photo, comparison in (("Original", before), ("Cloaked", after)):
        for name, match in comparison.recognisers.items():
            verdict = "the same person" if match.same else "different people"
            kind = "lost" if match.same else "kept"
            cell = f'<span class="jn-answer jn-{kind}"><b>{verdict}</b></span>'
            rows.append(
                [photo, name, cell, f"{match.distance:.3f} (a match up to {match.threshold:g})"]
            )
    head = ["Photo", "Recogniser", "For it", "Distance"]
    return table(head, rows, "Compared with the second photo")


COLUMNS = (
    ("PSNR", lambda r: r.quality.psnr_db, decibels, max),
    ("SSIM", lambda r: r.quality.ssim or 0.0, "{:.5f}".format, max),
    ("ΔE00", lambda r: r.quality.delta_e_mean, "{:.3f}".format, min),
    ("Largest change, of 255", lambda r: r.cloak.largest, "{:d}".format, min),
    ("Visible pixels", lambda r: r.cloak.beyond_share, "{:.2%}".format, min),
    ("Seconds", lambda r: r.cloak.faces[0].seconds, "{:.1f}".format, min),
)


def rated_table(rated: list[Rated]) -> str:
    """The successful methods in numbers, the best of every column marked; the others by name."""
    successes = [each for each in rated if each.cloak.success]
    failed = [LABELS[each.method] for each in rated if not each.cloak.success]
    rest = html.note(f"Not hidden in the time given: {', '.join(failed)}." if failed else "", "bad")
    if not successes:
        return rest
    best = {name: shown(pick(map(value, successes))) for name, value, shown, pick in COLUMNS}
    rows = []
    for each in successes:
        cells = []
        for name, value, text_of, _ in COLUMNS:
            text = text_of(value(each))
            marked = text == best[name] and len(successes) > 1
            cells.append(f"<strong>{text}</strong>" if marked else text)
        rows.append([escape(LABELS[each.method]), *cells])
    head = ["Method", *(name for name, *_ in COLUMNS)]
    caption = "Only methods after which the recogniser no longer matches the face; best in bold"
    return table(head, rows, caption, "jn-numbers") + rest
