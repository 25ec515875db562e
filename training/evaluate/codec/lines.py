"""The photos of a result's rows as arrays, and the curve of one quality for all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .plan import CLEAN, FIXED
from .summary import flags


@dataclass(frozen=True)
class Line:
    """A row's photos: bytes float N; own, outside: whether machines keep their label, N×P, N×U.

    solved: whether a file holds, N; path: of each photo bytes and labels kept, the last one its
    file, as the JSON has it.
    """

    bytes: np.ndarray
    own: np.ndarray
    outside: np.ndarray
    solved: np.ndarray
    path: list[list[list]]

    def first(self, count: int) -> Line:
        """Of the first photos only."""
        arrays = (each[:count] for each in (self.bytes, self.own, self.outside, self.solved))
        return Line(*arrays, self.path[:count])

    def at(self, factor: float, members: int) -> Line:
        """The photos' smallest files of so many times the last one's bytes or more.

        Where none is as large, the largest: the first of the path. members: of the panel.
        """
        found = []
        for path in self.path:
            larger = [file for file in path if file[0] >= factor * path[-1][0]]
            found.append(min(larger or path[:1]))
        kept = flags([word for _, word in found])
        size = np.array([each for each, _ in found], float)
        return Line(size, kept[:, :members], kept[:, members:], self.solved, self.path)


def line_of(row: dict, members: int) -> Line:
    """The photos of a row of a result, with so many members of the panel."""
    photos = row["per_photo"]
    words = photos["kept"].split()
    kept = flags(words)
    size = np.array(photos["bytes"], float)
    last = [[each] for each in zip(photos["bytes"], words, strict=True)]
    paths = photos.get("path", last)
    return Line(
        size,
        kept[:, :members],
        kept[:, members:],
        ~np.isin(np.arange(len(size)), photos["unsolved"]),
        [path or own for path, own in zip(paths, last, strict=True)],
    )


@dataclass(frozen=True)
class Ladder:
    """One quality for all photos, at each of L qualities.

    bytes float L×N; own float L×N: the share of the panel that keeps its label; outside bool L×N×U.
    """

    bytes: np.ndarray
    own: np.ndarray
    outside: np.ndarray

    def size(self, photos: np.ndarray) -> np.ndarray:
        """Mean bytes of some photos at each quality, L."""
        return self.bytes[:, photos].mean(1)

    def bytes_at(self, rca: float, photos: np.ndarray) -> tuple[float, bool]:
        """Mean bytes at which the panel's RCA is first reached, of some photos, and whether it is.

        Where it is not: those of the highest quality.
        """
        size, rates = self.size(photos), self.own[:, photos].mean(1)
        reached = np.flatnonzero(rates >= rca - 1e-9)
        if not len(reached):
            return float(size[-1]), False
        at = reached[0]
        if at == 0:
            return float(size[0]), True
        part = (rca - rates[at - 1]) / (rates[at] - rates[at - 1])
        low, high = np.log(size[at - 1 : at + 1])
        return float(np.exp(low + part * (high - low))), True

    def rate_at(self, size: float, kept: np.ndarray, photos: np.ndarray) -> float:
        """The mean of kept, float L×N, over some photos at these mean bytes of them.

        Beyond the ladder's ends: that of its end.
        """
        rates = kept[:, photos].mean(1)
        return float(np.interp(np.log(size), np.log(self.size(photos)), rates))


def ladder_of(rows: list[dict], format: str, members: int, count: int) -> Ladder | None:
    """Of a format, of the first photos, from all qualities that are measured of so many.

    None where no two are.
    """
    chosen = [
        line_of(row, members).first(count)
        for row in sorted(of(rows, format, FIXED), key=lambda row: row["quality"])
        if row["n"] >= count
    ]
    if len(chosen) < 2:
        return None
    return Ladder(
        np.stack([line.bytes for line in chosen]),
        np.stack([line.own.mean(1) for line in chosen]),
        np.stack([line.outside for line in chosen]),
    )


def of(rows: list[dict], format: str, *methods: str) -> list[dict]:
    """Rows of a format, of these methods or of all that choose a file for each photo."""
    return [
        row
        for row in rows
        if row["format"] == format
        and (row["method"] in methods if methods else row["method"] not in (CLEAN, FIXED))
    ]


def named(row: dict) -> dict:
    """Which method a row is of."""
    return {"method": row["method"], "resize": row["resize"]}


def formats(rows: list[dict]) -> list[str]:
    """Of the rows, in their order."""
    return list(dict.fromkeys(row["format"] for row in rows if row["format"]))


def point(line: Line) -> dict:
    """Mean bytes, RCA of the panel and of the machines outside it (None without any)."""
    return {
        "bytes": float(line.bytes.mean()),
        "rca": float(line.own.mean()),
        "all_classifiers_keep": float(line.own.all(1).mean()),
        "rca_unseen": float(line.outside.mean()) if line.outside.size else None,
    }
