"""Bits that a method saves against plain encoding, from the rows of a result alone.

Plain encoding is of two kinds: one quality for all photos, whose curve of mean bytes against RCA is
interpolated (linearly, by the logarithm of bytes), and the lowest verified quality of each photo.
Both are of the same photos as the method. Standard errors are by bootstrap over photos, but not of
the bytes at which all labels are kept: the hardest photo rules these alone, and the bootstrap of a
maximum is not consistent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .lines import Ladder, Line, formats, ladder_of, line_of, named, of, point
from .plan import ASIDE, FACTORS, FIXED, PLAIN, RATES, RESAMPLES, SEED

Statistic = Callable[[np.ndarray], float]  # of photos' numbers, with repetitions


def standard_error(statistic: Statistic, count: int) -> float:
    """By bootstrap over so many photos; seeded."""
    random = np.random.default_rng(SEED)
    values = [statistic(random.integers(count, size=count)) for _ in range(RESAMPLES)]
    return float(np.std(values))


def estimated(name: str, statistic: Statistic, count: int) -> dict:
    """A number of so many photos with its standard error."""
    return {
        name: statistic(np.arange(count)),
        f"{name}_standard_error": standard_error(statistic, count),
    }


def savings(rows: list[dict], members: int) -> list[dict]:
    """Of each format and method that chooses a file for each photo: the bits that it saves.

    against_one_quality: plain encoding that keeps a share of the labels only, while the method's
    files keep theirs; against_lowest: the lowest verified quality of each photo, as bisection finds
    it, on the photos that have one; against_smallest: the same, or a smaller file of one of the
    fixed qualities that keeps all labels, which bisection passed over. plain: mean bytes of the
    lowest qualities on all the row's photos (see `beside`).
    """
    found = []
    for row in (row for format in formats(rows) for row in of(rows, format)):
        line, count = line_of(row, members), row["n"]
        ladder = ladder_of(rows, row["format"], members, count)
        plains = (each for each in of(rows, row["format"], PLAIN) if each["n"] >= count)
        plain = next(plains, None)
        lowest = line_of(plain, members).first(count) if plain else None
        smallest = smallest_plain(lowest, ladder) if lowest and ladder else None
        found.append(
            {
                "format": row["format"],
                **named(row),
                "n": count,
                "solved": row["solved"],
                "rca": row["rca"],
                "bytes": row["bytes"],
                "plain": beside(row, plain) if plain else None,
                "against_one_quality": [against(line, ladder, rca) for rca in RATES if ladder],
                "against_lowest": against_each(line, lowest) if lowest else None,
                "against_smallest": against_each(line, smallest) if smallest else None,
            }
        )
    return found


def beside(row: dict, plain: dict) -> dict:
    """Mean bytes of plain encoding on a row's own photos, and the row's as a share of them.

    bytes_progressive: of the same in the smallest way to write it, None where there is but one.
    """
    size = float(np.mean(plain["per_photo"]["bytes"][: row["n"]]))
    smallest = plain["per_photo"].get("bytes_progressive")
    return {
        "bytes": size,
        "bytes_progressive": float(np.mean(smallest[: row["n"]])) if smallest else None,
        "ratio": row["bytes"] / size,
    }


def against(line: Line, ladder: Ladder, rca: float) -> dict:
    """Against one quality for all photos that keeps this share of labels.

    bytes_plain: None where no quality does; the share is then of the bytes at the highest quality
    measured. Where it is all labels, there is no standard error.
    """
    size, reached = ladder.bytes_at(rca, np.arange(len(line.bytes)))

    def saved(photos: np.ndarray) -> float:
        return 1 - float(line.bytes[photos].mean()) / ladder.bytes_at(rca, photos)[0]

    share = estimated("saved", saved, len(line.bytes))
    if rca == 1:
        share["saved_standard_error"] = None
    return {
        "rca": rca,
        "bytes_plain": size if reached else None,
        "bytes_highest": float(ladder.bytes[-1].mean()),
        **share,
    }


def smallest_plain(plain: Line, ladder: Ladder) -> Line:
    """The smallest plain file of each photo that keeps all labels: bisection's or the ladder's."""
    tried = np.where(ladder.own == 1, ladder.bytes, np.inf).min(0)
    own = np.where(plain.solved, plain.bytes, np.inf)
    solved = plain.solved | np.isfinite(tried)
    return replace(plain, bytes=np.minimum(own, tried), solved=solved)


def against_each(line: Line, plain: Line) -> dict | None:
    """Against plain files chosen for each photo, where both hold; None where none does."""
    both = np.flatnonzero(line.solved & plain.solved)
    if not len(both):
        return None
    own, other = line.bytes[both], plain.bytes[both]
    ratios = own / other
    return {
        "n": len(both),
        "bytes_plain": float(other.mean()),
        "smaller": float((own < other).mean()),
        **estimated("saved", lambda at: 1 - float(own[at].sum() / other[at].sum()), len(both)),
        **estimated("saved_per_photo", lambda at: 1 - float(ratios[at].mean()), len(both)),
    }


def outside_at_equal_bytes(rows: list[dict], members: int, unseen: Sequence[str]) -> list[dict]:
    """What machines outside the panel keep of a method's files, and of plain files as large.

    A search's files are smallest for the panel; larger ones on its way may be better for others:
    factor is how many times larger than its last one a photo's file is, or the next larger; where
    none is, it is the largest. Plain encoding is at one quality for all photos, at equal mean
    bytes, bytes_plain: they differ where no quality is as small. The first name is the mean of all.
    """
    found = []
    for row in (row for format in formats(rows) for row in of(rows, format)):
        ladder = ladder_of(rows, row["format"], members, row["n"])
        if ladder is None or not unseen:
            continue
        for factor in FACTORS if "path" in row["per_photo"] else FACTORS[:1]:
            line = line_of(row, members).at(factor, members)
            found.append(
                {
                    "format": row["format"],
                    **named(row),
                    "factor": factor,
                    "n": row["n"],
                    **facing(line, ladder, unseen),
                }
            )
    return found


def facing(line: Line, ladder: Ladder, unseen: Sequence[str]) -> dict:
    """Mean bytes, RCA of the panel, and of each unseen machine, beside plain encoding."""
    count = len(line.bytes)
    parts = {"mean": slice(None)} | {name: slice(at, at + 1) for at, name in enumerate(unseen)}
    size = float(line.bytes.mean())
    ends = ladder.size(np.arange(count))

    def row(part: slice) -> dict:
        kept, others = line.outside[:, part].mean(1), ladder.outside[:, :, part].mean(2)

        def pair(photos: np.ndarray) -> tuple[float, float]:
            mean = float(line.bytes[photos].mean())
            return float(kept[photos].mean()), ladder.rate_at(mean, others, photos)

        def ahead(photos: np.ndarray) -> float:
            own, plain = pair(photos)
            return own - plain

        own, plain = pair(np.arange(count))
        return {"rca": own, "rca_plain": plain} | estimated("ahead", ahead, count)

    return {
        "bytes": size,
        "bytes_plain": float(np.clip(size, ends.min(), ends.max())),
        "rca": float(line.own.mean()),
        "unseen": {name: row(part) for name, part in parts.items()},
    }


def curves(rows: list[dict], members: int) -> list[dict]:
    """Of each format, on the photos that all its rows have: what a figure shows.

    Rows of `ASIDE`, and those that lower the resolution, are left out where they are of fewer
    photos than the others.
    plain: one quality for all; methods: their files; path: those of a search on its way.
    """
    found = []
    for format in formats(rows):
        chosen = [*of(rows, format, FIXED), *of(rows, format)]
        aside = (row["resize"] or row["method"] in ASIDE for row in chosen)
        count = min(row["n"] for row, other in zip(chosen, aside, strict=True) if not other)
        chosen = [row for row in chosen if row["n"] >= count]
        parts: dict[str, list[dict]] = {"plain": [], "methods": [], "path": []}
        for row in chosen:
            line = line_of(row, members)
            fixed = row["method"] == FIXED
            name = {"quality": row["quality"]} if fixed else named(row)
            parts["plain" if fixed else "methods"].append(name | point(line.first(count)))
            if "path" in row["per_photo"]:
                parts["path"] += [
                    name | {"factor": factor} | point(line.at(factor, members).first(count))
                    for factor in FACTORS
                ]
        parts["plain"].sort(key=lambda each: each["quality"])
        found.append({"format": format, "n": count, **parts})
    return found
