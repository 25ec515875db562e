"""The answers of a viewing test, in a table."""

from __future__ import annotations

from html import escape

from ...handlers.viewer_statistics import FEWEST, Answer, Results
from ...handlers.viewing import preferences
from ..html import note, table


def about_viewer(answers: list[Answer], names: dict[str, str]) -> str:
    """One viewer's answers in a sentence: what was preferred to what, how often."""
    clauses = []
    for better, worse, times, undecided, pairs in preferences(answers):
        one, other = (escape(names.get(kind, kind)) for kind in (better, worse))
        if undecided == pairs:
            clauses.append(f"saw no difference between {one} and {other} in any of {pairs} pairs")
        elif 2 * times == pairs - undecided:
            clauses.append(f"preferred neither {one} nor {other}")
        else:
            clauses.append(f"preferred <b>{one}</b> to {other} in {times} of {pairs} pairs")
    return f"You {', and you '.join(clauses)}." if clauses else ""


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
