"""The answers of a viewing test, in a table."""

from __future__ import annotations

from html import escape

from ...handlers.viewer_statistics import FEWEST, Results
from ..html import note, table


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
    head = ["Seen as better", "Mean (0…3)", "Std", "95 %", "Answers"]
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
