"""Two pictures compared, in words and tables."""

from __future__ import annotations

from ...handlers.machine import unsure
from ...handlers.quality import PairQuality
from .. import html
from .human import quality_facts
from .labels import IMAGENET, before_and_after


def headline(pair: PairQuality) -> str:
    """Which machines keep their answer, and how likely another one is to."""
    machines = pair.machines
    same = sum(label.same for label in machines.labels)
    text = (
        "machines keep their answer. Another machine, which was not asked, keeps its own with an "
        f"estimated chance of <b>{machines.keep:.0%}</b>."
    )
    share = f"{same} of {len(machines.labels)}"
    return html.headline(share, text, "good" if machines.keep >= 0.5 else "bad")


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
        ("machine score", f"{machines.keep:.2f}", "chance that a machine not asked keeps its own"),
        ("machines satisfied", f"{machines.smr:.0%}", "of those asked (SMR)"),
        ("expected drop", f"{machines.drop:+.2f}", "of the answer's probability"),
    ]
    return html.facts([*rows, *quality_facts(pair.quality)])
