"""The answers of a viewing test, in a table."""

from __future__ import annotations

from html import escape

from ...handlers.viewer_statistics import FEWEST, Answer, Results
from ...handlers.viewing import preferences
from ..html import note, table


def about_viewer(answers: list[Answer], names: dict[str, str]) -> str:
    """One viewer's answers in a sentence: of the two kinds that they told apart most clearly."""
    if not answers:
        return ""
    better, worse, times, undecided, pairs = preferences(answers)[0]
    one, other = (escape(names.get(kind, kind)) for kind in (better, worse))
    if undecided == pairs:
        return f"You saw no difference between {one} and {other} in any of {pairs} pairs."
    if 2 * times == pairs - undecided:
        return f"You preferred {one} as often as {other}, in {times} of {pairs} pairs each."
    return f"You preferred <b>{one}</b> to {other} in {times} of {pairs} pairs."


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
    head = ["Seen as better", "Mean, 0…3", "Deviation", "95 % of means", "Answers"]
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
