"""The table of a hundred million pictures: core-hours, days, cost, traffic, the bottleneck."""

from __future__ import annotations

from ..markdown import Table, if_measured, markdown, source


def scale(result: dict) -> str:
    """For each command what all pictures take, from what one takes."""
    assumed, ray = result["assumed"], result["ray"]
    pictures, cores, price = (
        assumed[name] for name in ("pictures", "cores", "dollars_per_core_hour")
    )
    driver = ray["driver_core_seconds"] / ray["pictures_per_unit"]  # of one picture
    lines = []
    for row in result["rows"]:
        hours = pictures * row["core_seconds"] / 3600
        lines.append(
            [
                f"`{row['command']}`",
                f"{row['core_seconds']:.2f} ± {row['core_seconds_std']:.2f}",
                f"{hours:,.0f}",
                f"{hours / cores / 24:,.1f}",
                f"{hours * price:,.0f}",
                f"{pictures * row['bytes_in'] / 1e12:,.1f}",
                f"{pictures * row['bytes_out'] / 1e12:,.1f}",
                f"{row['core_seconds'] / driver:,.0f}",
            ]
        )
    header = ["", "core-seconds per photo", "core-hours", f"days on {cores:,} cores", "dollars"]
    header += ["TB read", "TB written", "cores that one run feeds"]
    return (
        f"{markdown(header, lines)}\n\n{pictures:,} photos of {result['megapixels']:.2f} "
        f"megapixels, from {result['rows'][0]['n']} that were measured (mean ± standard deviation "
        f"of the photos), one thread each. Assumed, not measured: {cores:,} cores like this one at "
        f"{price} dollars an hour each; traffic and storage come on top. Through Ray, a unit of "
        f"{ray['pictures_per_unit']} pictures that nothing is done with took the command's own "
        f"process {1000 * ray['driver_core_seconds']:.1f} ms of a core, so that it passes on "
        f"{1 / driver:,.0f} pictures a second at most; by the clock, with {ray['workers']} "
        f"processes on this machine, which did other work as well, "
        f"{1000 * ray['seconds']:.0f} ms. {source(result)}"
    )


TABLES: dict[str, Table] = {"scale": if_measured("scale", "evaluate scale")(scale)}
