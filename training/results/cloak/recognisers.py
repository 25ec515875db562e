"""The table of the recognisers that a cloak can be made against, side by side."""

from __future__ import annotations

from collections.abc import Callable

from ..markdown import if_measured, markdown, percent, source

SHARES = {"0.01": "1 %", "0.001": "0.1 %"}  # of false matches, as they are written


@if_measured("recognisers", "evaluate recognisers")
def recognisers(result: dict) -> str:
    """Verification on LFW: accuracy, and matches at two shares of false matches."""
    rows = []
    for row in result["rows"]:
        used = row["as_used"]
        rows.append(
            [
                row["recogniser"],
                percent(used["accuracy"]),
                f"{row['area_under_curve']:.4f}",
                f"{used['threshold']:.3f}",
                f"{percent(used['matches'])}, {percent(used['false_matches'])}",
            ]
        )
        for share in SHARES:
            at = row["at_false_matches"][share]
            rows[-1].append(
                f"{percent(at['matches'])}, {percent(at['false_matches'])} ({at['threshold']:.3f})"
            )
    header = ["recogniser", "accuracy", "area under the curve", "threshold", "matches, false"]
    header += [f"… at {share} false (threshold)" for share in SHARES.values()]
    first, groups = result["rows"][0], result["groups"]
    notes = [
        f"{first['n_same']:,} pairs of one person and {first['n_different']:,} of two, which count "
        "alike; false matches on all "
        f"{first['all_different_pairs'] / 1e6:.1f} million pairs of different people among "
        f"{result['photos']['report']:,} photos",
        f"thresholds from {result['photos']['thresholds']:,} photos of other people; people in "
        f"{groups['of']} groups by their name's digest: {listed(groups['report'])} reported, "
        f"{listed(groups['thresholds'])} for thresholds, {listed(groups['framing'])} for the "
        "framing of faceres",
    ]
    for row in result["rows"]:
        if "cosine_to_8_bits" in row:
            off = row["cosine_to_8_bits"]
            notes.append(
                "cosine of an embedding as shipped, in 8 bits, and as published: "
                f"{off['mean']:.5f} in the mean, {off['least']:.5f} at least"
            )
    notes.append(source(result))
    return f"{markdown(header, rows)}\n\n{'; '.join(notes)}"


def listed(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))


TABLES: dict[str, Callable[[], str]] = {"recognisers": recognisers}
