"""Methods that hide a face, side by side in a table."""

from __future__ import annotations

from html import escape

from ...handlers.cloak import LABELS, Rated
from .. import html
from ..html import decibels, table

STANDARD = (
    "All are held to the same standard: the recogniser must not match the finished file, nor a "
    "copy that was saved again or resized. The numbers are of the whole photo."
)
COLUMNS = (
    ("Change (PSNR, more is less)", lambda r: r.quality.psnr_db, decibels, max),
    ("Structure (SSIM, 1 is equal)", lambda r: r.quality.ssim or 0.0, "{:.5f}".format, max),
    ("Colour (ΔE00)", lambda r: r.quality.delta_e_mean, "{:.3f}".format, min),
    ("Largest change, of 255", lambda r: r.cloak.largest, "{:d}".format, min),
    ("Visible pixels", lambda r: r.cloak.beyond_share, "{:.2%}".format, min),
    ("Distance, more is safer", lambda r: r.cloak.faces[0].after, "{:.3f}".format, max),
    ("Seconds", lambda r: r.cloak.faces[0].seconds, "{:.1f}".format, min),
)


def finding(rated: list[Rated]) -> str:
    """How many methods got there."""
    done, tried = sum(each.cloak.success for each in rated), len(rated)
    kind = "good" if done == tried else "mixed" if done else "bad"
    text = "methods hid the face from the recogniser they attack. Others may still know it."
    return html.headline(f"{done} of {tried}", text, kind)


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
    return table(head, rows, caption, "jn-numbers") + html.note(STANDARD) + rest
