"""A human JND, and the distance of two pictures, in words."""

from __future__ import annotations

from dataclasses import replace

from engine.human import HUMAN_MODELS
from engine.metrics.quality import Quality

from ...handlers.human import HumanView
from .. import html
from ..html import decibels

FAINT, PLAIN = 0.3, 0.75  # levels: below and from these on noise is hardly, and plainly, seen


def seen(level: float) -> str:
    """What people see of noise at a level, in words.

    At one threshold the mean JOD is 9.5 (`hvs-sd`): 63 % of viewers would pick the original.
    """
    if level == 0:
        return "No noise"
    if level <= FAINT:
        return "Invisible"
    if level < PLAIN:
        return "Hard to see"
    return "Noticeable" if level <= 1 else "Plainly visible"


def headline(view: HumanView) -> str:
    result = view.result
    if result.level == 0:
        return html.headline(seen(0), "was added: this is the original twice.", "plain")
    usual = result.level * sum(result.mean) / 3
    whom = "for most people: " if result.level < PLAIN else ""
    text = (
        f"{whom}noise of <b>{result.level:.3g} times</b> the eye's threshold. On average it moves "
        f"a value by {usual:.1f}, where black is 0 and white 255."
    )
    kind = "good" if result.level <= FAINT else "plain" if result.level < PLAIN else "mixed"
    return html.headline(seen(result.level), text, kind)


def facts(view: HumanView) -> str:
    """What was measured of the noise. By which model it was made is folded away.

    How many pixels are beyond its threshold is left out: at a level up to 1 none, above it all.
    """
    result = view.result
    rows = quality_facts(replace(result.quality, beyond_jnd_share=None))
    model = f"Model of the eye: {result.model}, {HUMAN_MODELS[result.model].paper}."
    return html.facts(rows) + html.details("Details", html.note(model) + html.notes(result.notes))


def quality_facts(quality: Quality) -> list[tuple[str, str, str]]:
    """The numbers that were measured: (name, value, explanation) each."""
    ssim = "" if quality.ssim is None else f"{quality.ssim:.4f}"
    rows = [
        ("difference", decibels(quality.psnr_db), "PSNR: its energy; higher is less change"),
        ("structure", ssim, "SSIM; 1 is equal"),
        ("colour", f"{quality.delta_e_mean:.2f}", "mean colour difference ΔE00; 0 is equal"),
        ("pixels changed", f"{quality.changed_share:.1%}", "by one level or more"),
    ]
    if quality.beyond_jnd_share is not None:
        beyond = f"{quality.beyond_jnd_share:.1%}"
        rows.append(("visible", beyond, "of pixels, to a model of the eye"))
    if quality.jod is not None:
        rows.append(("to people", f"{quality.jod:.2f}", "JOD; 10 is no visible difference"))
    if quality.fsim is not None:
        rows.append(("features", f"{quality.fsim:.4f}", "FSIM; 1 is equal"))
    if quality.vif is not None:
        rows.append(("information", f"{quality.vif:.4f}", "VIF; 1 is equal"))
    return [row for row in rows if row[1]]
