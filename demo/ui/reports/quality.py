"""Two pictures compared, in words and tables."""

from __future__ import annotations

from html import escape

from engine.faces.verification import Comparison

from ...handlers.machine import SURE, unsure
from ...handlers.quality import PairQuality
from .. import html
from .cloak import recogniser, sentence
from .human import quality_facts
from .labels import IMAGENET, before_and_after


def headline(pair: PairQuality) -> str:
    """Which machines keep their answer, and how likely another one is to."""
    machines = pair.machines
    same, count = sum(label.same for label in machines.labels), len(machines.labels)
    text = (
        "machines keep their answer. Another machine, which was not asked, keeps its own with an "
        f"estimated chance of <b>{machines.keep:.0%}</b>."
    )
    likely = machines.keep >= 0.5
    kind = "bad" if not same else "good" if same == count and likely else "mixed"
    guesses = unsure(machines.labels) or any(
        label.same and label.confidence_after < SURE for label in machines.labels
    )
    if guesses and same:
        text, kind = f"{text} They only guess, though.", "plain"
    return html.headline(f"{same} of {count}", text, kind)


def faces(comparison: Comparison | None) -> str:
    """Whether the two show one person to recognisers; nothing where no face was found in both."""
    if comparison is None:
        return ""
    marks = {
        f"{sentence(recogniser(name))}: {'the same person' if match.same else 'different people'}"
        for name, match in comparison.recognisers.items()
    }
    lines = "".join(f"<li>{escape(text)}</li>" for text in sorted(marks))
    return f'<h3>The faces in the two</h3><ul class="jn-chips jn-neutral">{lines}</ul>'


def table(pair: PairQuality) -> str:
    labels = pair.machines.labels
    kept = {label.classifier: label.same for label in labels}
    doubt = "The machines are unsure what the reference shows: their answers are guesses."
    return (
        before_and_after(labels, ("Reference", "Changed"), kept)
        + html.note(doubt if unsure(labels) else "")
        + html.note(IMAGENET if pair.machines.panel == "photos" else "")
    )


def facts(pair: PairQuality) -> str:
    machines = pair.machines
    rows = [
        (
            "machine score",
            f"{machines.keep:.2f}",
            "chance that another machine keeps its answer",
        ),
        ("machines", f"{machines.smr:.0%}", "of those asked keep theirs"),
        ("confidence", f"{-machines.drop:+.2f}", "expected change, of another machine"),
    ]
    return html.facts([*rows, *quality_facts(pair.quality)])
