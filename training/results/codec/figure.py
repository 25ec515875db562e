"""Bytes against labels kept: one quality for all photos, and each method, per format."""

from __future__ import annotations

from .tables import FORMATS, METHODS, method

MARKERS = "o*sD^vPX"  # of methods, in their order


def trade_off(result: dict):
    """The figure of a result: of the panel above, of the classifiers outside it below."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    shown = {"rca": "RCA of the panel, %"}
    if result["unseen"]:
        shown["rca_unseen"] = "RCA of unseen classifiers, %"
    curves = result["curves"]
    figure, axes = plt.subplots(
        len(shown),
        len(curves),
        figsize=(3.9 * len(curves), 0.3 + 3.1 * len(shown)),
        layout="constrained",
        sharex="col",
        squeeze=False,
    )
    methods = list(dict.fromkeys(method(row) for each in curves for row in each["methods"]))
    for column, curve in enumerate(curves):
        for row, (key, label) in enumerate(shown.items()):
            axis = axes[row, column]
            draw(axis, curve, key, methods)
            axis.set(xscale="log")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.tick_params(axis="x", labelsize=8)
            axis.grid(alpha=0.3)
            if column == 0:
                axis.set_ylabel(label)
        axes[0, column].set_title(f"{FORMATS[curve['format']]}, {curve['n']} photos", fontsize=10)
        axes[-1, column].set_xlabel("bytes of a photo")
    named = {
        name: mark
        for axis in axes.flat
        for mark, name in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    axes[0, 0].legend(named.values(), named.keys(), fontsize=8)
    return figure


def draw(axis, curve: dict, key: str, methods: list[str]) -> None:
    """The line of plain encoding, a search's files on its way, and a point for each method."""
    plain = curve["plain"]
    sizes, rates = [row["bytes"] for row in plain], [100 * row[key] for row in plain]
    axis.plot(sizes, rates, color="grey", marker=".", label=METHODS["fixed"])
    for at, name in enumerate(methods):
        chosen = {"color": f"C{at}", "marker": MARKERS[at % len(MARKERS)], "markersize": 8}
        path = [row for row in curve["path"] if method(row) == name]
        if path and key != "rca":
            places = [row["bytes"] for row in path], [100 * row[key] for row in path]
            axis.plot(*places, color=chosen["color"], linewidth=1)
        for row in curve["methods"]:
            if method(row) == name:
                axis.plot(row["bytes"], 100 * row[key], linestyle="", label=name, **chosen)
