"""The table of how soon the demo's page is there."""

from __future__ import annotations

from ..markdown import Table, if_measured, markdown, source

COLUMNS = {
    "first_paint_s": "first paint",
    "useful_s": "useful",
    "usable_s": "usable",
    "example_s": "example shown",
}


def page(result: dict) -> str:
    """Median seconds for each window, with their spread."""
    rows = []
    for row in result["rows"]:
        width, height = row["size"]
        times = [row[name] for name in COLUMNS]
        spread = [("–" if each["std"] is None else f"{each['std']:.2f}") for each in times]
        cells = [
            f"{each['median']:.2f} s ± {std} (at most {each['largest']:.2f})"
            for each, std in zip(times, spread, strict=True)
        ]
        size = f"{row['requests']} requests, {row['kilobytes']:,} kB"
        rows.append([f"{row['window']}, {width} × {height}", *cells, size])
    aims = result["aims_s"]
    return (
        f"{markdown(['window', *COLUMNS.values(), 'loaded'], rows)}\n\nMedian ± standard deviation "
        f"of {result['loads']} loads, each in a browser that was just started, server and browser "
        "on one machine, from the start of the navigation. Useful: the name, what it is about and "
        f"a picture of it can be seen; aimed at {aims['useful']:g} s. Usable: every tab is there. "
        "Example: both of its pictures and what was found "
        f"are on the screen; aimed at {aims['example']:g} s. Chromium {result['chromium']}; "
        f"the machine's load average before: {result['load_average']:g}. {source(result)}"
    )


TABLES: dict[str, Table] = {"page": if_measured("page", "evaluate page")(page)}
