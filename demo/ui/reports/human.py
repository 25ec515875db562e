"""A human JND, and the distance of two pictures, in words."""

from __future__ import annotations

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
    usual = sum(result.mean) / 3
    whom = "for most people: " if result.level < PLAIN else ""
    text = (
        f"{whom}noise of ±{result.level * usual:.1f} levels of 255 on average, "
        f"<b>{result.level:.3g} times</b> the eye's threshold."
    )
    if result.level == 0:
        text = "was added: this is the original twice."
    return html.headline(seen(result.level), text)


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
        rows.append(("more than the eye's threshold", beyond, f"of pixels, {quality.jnd_model}"))
    if quality.jod is not None:
        rows.append(("JOD", f"{quality.jod:.2f}", "ColorVideoVDP; 10 is no visible difference"))
    if quality.fsim is not None:
        rows.append(("FSIM", f"{quality.fsim:.4f}", "features; 1 is equal"))
    if quality.vif is not None:
        rows.append(("VIF", f"{quality.vif:.4f}", "information; 1 is equal"))
    return [row for row in rows if row[1]]
