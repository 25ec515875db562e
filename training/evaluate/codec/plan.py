"""The rows of the evaluation of compression: which files are made of the photos, and of how many.

A row is one format at one fixed quality for all photos, or one method that finds a file for each,
at the photo's resolution or at a lower one too. A method that `engine.compress.methods.rows` has
not, or not for a format or for lower resolutions, and a format that this Pillow does not write are
left out, and the result names them.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.compress.formats import FORMATS
from engine.compress.methods.rows import METHODS
from engine.errors import SetupError

SEED = 0  # of the bootstrap
RESAMPLES = 500  # of the photos, for a standard error
JUDGED = 30  # photos whose JOD is measured, the first: it takes long
SHRINK = 0.85  # a search's best file is judged whenever it has shrunk to this of the one before
FACTORS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)  # of its last file, at which a search is looked at
RATES = (0.95, 0.99, 1.0)  # RCA at which one quality for all photos is compared

# One quality for all photos: from the smallest file of a format to the one that keeps all labels.
LADDERS = {
    "jpeg": (1, 4, 8, 13, 20, 30, 45, 60, 75, 88, 95, 100),
    "webp": (0, 3, 8, 15, 25, 38, 52, 67, 80, 90, 96, 100),
    "avif": (0, 8, 16, 24, 32, 40, 50, 60, 70, 80, 90, 100),
}
COUNT = 400  # photos of a row, the first, where nothing else is said
FIRST = {
    "jpeg, bisect, resized": 100,
    "webp, bisect, resized": 100,
    "avif, bisect, resized": 40,
    "jpeg, faithful": 36,
    "webp, faithful": 36,
    "avif, faithful": 36,
    "webp, search": 100,
    "avif, search": 100,
    "jpeg, search, resized": 20,
    "webp, search, resized": 20,
    "avif, search, resized": 20,
}
ASIDE = ("faithful",)  # methods that are measured of some photos only, beside the others
CLEAN, FIXED, PLAIN = "clean", "fixed", "plain"  # beside the names of methods


@dataclass(frozen=True)
class Row:
    """One way to make a file of every photo.

    method: "clean" (none is made), "fixed" (at `quality`), "plain" (the lowest verified quality of
    each photo at standard settings), or a name of `METHODS`; format: a name of `FORMATS`; resize:
    the method may lower the resolution too.
    """

    method: str
    format: str | None = None
    quality: int | None = None
    resize: bool = False

    @property
    def name(self) -> str:
        """In logs and in what is missing."""
        if self.format is None:
            return "clean photos"
        way = self.method if self.quality is None else f"quality {self.quality}"
        return f"{self.format}, {way}{', resized' * self.resize}"

    @property
    def first(self) -> int:
        """Of how many photos it is at most."""
        return FIRST.get(self.name, COUNT)

    @property
    def settings(self) -> dict:
        """What decides it beside photos, models and versions; in its key and in the result."""
        return {
            "format": self.format,
            "method": self.method,
            "quality": self.quality,
            "resize": self.resize,
        }


@dataclass(frozen=True)
class Phase:
    """Rows that are measured together, photo by photo; after each phase a result is written."""

    name: str
    rows: tuple[Row, ...]


def of_each_format(*methods: str, resize: bool = False) -> tuple[Row, ...]:
    """A row of each method in each format of `LADDERS`."""
    return tuple(Row(method, format, resize=resize) for format in LADDERS for method in methods)


PHASES = (
    Phase(
        "plain encoding",
        (
            Row(CLEAN),
            *(Row(FIXED, format, each) for format, ladder in LADDERS.items() for each in ladder),
            *of_each_format(PLAIN, "bisect"),
            *of_each_format("bisect", resize=True),
        ),
    ),
    Phase("jnd", of_each_format("jnd")),
    Phase("faithful", of_each_format("faithful")),
    Phase("search", (*of_each_format("search"), *of_each_format("search", resize=True))),
)


def supported(row: Row) -> bool:
    """Whether this engine has the method for the format, and writes it here."""
    if row.format is None:
        return True
    try:
        FORMATS[row.format].check_available()
    except SetupError:
        return False
    if row.method in (FIXED, PLAIN):
        return True
    if row.method not in METHODS or row.format not in METHODS[row.method].formats:
        return False
    return METHODS[row.method].resizes or not row.resize
