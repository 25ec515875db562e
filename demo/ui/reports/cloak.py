"""A cloak in words: how far it is, what became of the face, and a test by a second photo."""

from __future__ import annotations

from engine.cloak.judge.versions import WORDS
from engine.cloak.result import CloakedFace, CloakedPhoto
from engine.cloak.state import CloakProgress
from engine.faces.recognisers import RECOGNISERS
from engine.faces.verification import Comparison

from .. import html
from ..html import decibels, table

FARTHEST = 1.0  # distance at the right end of the scale
# What a close look may miss: all three must hold. The energy of the change at the face, the largest
# change of any pixel, and the share of the changed pixels that the model of the eye takes for seen.
FACE_PSNR_DB, LARGEST, SEEN_SHARE = 40.0, 64, 0.1
# As people say it, where the command line's words are short.
SAVED = WORDS | {
    "jpeg90": "saved as JPEG 90",
    "jpeg75": "saved as JPEG 75",
    "webp80": "saved as WebP 80",
    "half": "at half size",
    "half+jpeg80": "at half size, JPEG 80",
    "1.5x+back": "enlarged and reduced again",
}
NOT_ALL = (
    "Other recognisers may know it as well, and people always will: do not rely on it where being "
    "recognised is dangerous."
)


def letter(name: str) -> str:
    """What the page calls a recogniser in sentences."""
    return f"recogniser {chr(ord('A') + list(RECOGNISERS).index(name))}"


def recogniser(name: str) -> str:
    """The same with its own name behind it."""
    return f"{letter(name)} ({name})"


def listed(names: list[str]) -> str:
    """Recognisers in a sentence."""
    return " and ".join(map(letter, names))


def sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def progress(step: CloakProgress, seconds: float, longest: float, method: str = "") -> str:
    """The progress of a search; the bar is the share of its time."""
    state = "not matched any more, making the change smaller" if step.holds else "still matched"
    what = f"{method}: " if method else ""
    text = f"{what}attempt {step.attempt}, step {step.steps}: {state} · {seconds:.0f} s"
    return html.progress(min(1.0, seconds / longest), text, "time used")


def looks_the_same(result: CloakedPhoto) -> bool:
    """Whether what was measured supports that people hardly see the change."""
    seen = result.beyond_share / result.changed_share if result.changed_share else 0.0
    faces = min(face.psnr_db for face in result.faces)
    return faces >= FACE_PSNR_DB and result.largest <= LARGEST and seen <= SEEN_SHARE


def to_people(result: CloakedPhoto) -> str:
    """What the change is to an eye, in a sentence."""
    if looks_the_same(result):
        return "Most people hardly see a difference."
    return "A close look shows the difference."


def headline(result: CloakedPhoto, targeted: bool) -> str:
    """The verdict on the finished file, by every recogniser it was tested with."""
    face = result.faces[0]
    if not result.success:
        return _failure(face, targeted)
    made = list(face.recognisers)
    if targeted:
        text = f"{sentence(listed(made))} takes the face for the person in the other photo."
        if face.recognisable:
            text += (
                " It also still recognises the face as itself "
                f"({distances((face.own,), face.threshold)[0]}): that protects nobody."
            )
        return html.headline("Matched with another", text, "mixed" if face.recognisable else "good")
    still = [name for name, match in face.others.items() if match.same]
    fooled = [*made, *(name for name in face.others if name not in still)]
    takes = "takes" if len(fooled) == 1 else "take"
    text = f"{sentence(listed(fooled))} no longer {takes} this for the same person"
    if not still:
        text += ". Others may, and people do."
        return html.headline("Hidden", text)
    does = "does" if len(still) == 1 else "do"
    figure = f"Hidden from {in_words(len(fooled))} of {in_words(len(fooled) + len(still))}"
    text += f"; <b>{listed(still)} still {does}</b>, and others may."
    return html.headline(figure, text, "mixed")


def _failure(face: CloakedFace, targeted: bool) -> str:
    """The verdict where the file does not hold what was asked of it."""
    more = "Allow more seconds, or ask for less, under Advanced."
    if targeted:
        text = "does not match the face with the other person"
    elif face.distances.get("png", 0.0) >= face.threshold:
        text = "no longer matches this very file, but does once it is saved again or resized"
    else:
        text = "still matches the face"
    text = f"{sentence(listed(list(face.recognisers)))} {text}. {more}"
    return html.headline("Not hidden", text, "bad")


def in_words(count: int) -> str:
    return ("no", "one", "two", "three")[count] if count < 4 else str(count)


def withstands(result: CloakedPhoto) -> str:
    """The distance on a scale, and what this very file withstands."""
    face = result.faces[0]
    scale = distance_scale(face)
    if not (result.success and face.survives):
        return scale
    marks = {SAVED[name]: each.reached for name, each in face.survives.items()}
    made = sentence(" and ".join(map(recogniser, face.recognisers)))
    heading = f"<h3>{made} still does not know it when the file is</h3>"
    unseen = {
        f"{sentence(recogniser(name))} {'still knows' if each.same else 'does not know'} it": (
            not each.same
        )
        for name, each in face.others.items()
    }
    others = "<h3>To recognisers it was not made against</h3>" if unseen else ""
    limits = html.note(f"All of it measured on this very file. {NOT_ALL}")
    return f"{scale}{heading}{html.chips(marks)}{others}{html.chips(unseen)}{limits}"


def distances(values: tuple[float, ...], limit: float) -> list[str]:
    """Distances with as many digits as tell each of them from the limit."""
    for digits in range(2, 7):
        texts = [f"{value:.{digits}f}" for value in values]
        if all(
            (float(t) > limit) - (float(t) < limit) == (v > limit) - (v < limit)
            for t, v in zip(texts, values, strict=True)
        ):
            break
    return texts


def distance_scale(face: CloakedFace) -> str:
    """Where the face was and is, on one scale: a match below the threshold."""
    limit = face.threshold

    def at(distance: float) -> str:
        return f"{100 * min(distance, FARTHEST) / FARTHEST:.1f}%"

    before, after = distances((face.before, face.after), limit)
    words = (
        f"Distance to {'the other person' if face.targeted else 'your face'}, to "
        f"{recogniser(next(iter(face.recognisers)))}: {before} before, {after} now; "
        f"below {limit:g} it is a match"
    )
    dots = f'<i style="left:{at(face.before)}"></i><b style="left:{at(face.after)}"></b>'
    return (
        f'<figure class="jn-distance"><div role="img" aria-label="{words}" '
        f'style="--same:{at(limit)}">{dots}</div><figcaption>{words}.</figcaption></figure>'
    )


def facts(result: CloakedPhoto) -> str:
    face = result.faces[0]
    rows = [
        ("at the face", decibels(face.psnr_db), "PSNR; higher is less change"),
        ("whole photo", decibels(result.psnr_db), "PSNR; higher is less change"),
        ("largest change", f"{result.largest}", "of 255 grey levels, of any pixel"),
        ("pixels changed", f"{result.changed_share:.1%}", "all of them at the face"),
        ("visible", f"{result.beyond_share:.2%}", "of pixels, to a model of the eye"),
    ]
    search = f"{face.seconds:.0f} seconds, {face.gradients} gradients, {face.attempts} attempts."
    return html.facts(rows) + html.details("The search", html.note(search))


def verification_table(before: Comparison, after: Comparison) -> str:
    """The original and the cloaked photo, each compared with a second photo, by each recogniser.

    A recogniser that does not match the original either proves nothing.
    """
    rows, nothing = [], [name for name, match in before.recognisers.items() if not match.same]
    for photo, comparison in (("Original", before), ("Cloaked", after)):
        for name, match in comparison.recognisers.items():
            verdict = "the same person" if match.same else "different people"
            kind = "lost" if match.same else "kept"
            if name in nothing or photo == "Original":
                kind = "plain"
            cell = f'<span class="jn-answer jn-{kind}"><b>{verdict}</b></span>'
            (distance,) = distances((match.distance,), match.threshold)
            where = f"{distance} (a match below {match.threshold:g})"
            rows.append([photo, sentence(recogniser(name)), cell, where])
    head = ["Photo", "Recogniser", "For it", "Distance"]
    doubt = ""
    if nothing:
        doubt = (
            f"The second photo proves nothing to {listed(nothing)}, which does not match it with "
            "the original either: choose another photo of the same person."
        )
    return html.note(doubt, "mixed") + table(head, rows, "Compared with the second photo")
