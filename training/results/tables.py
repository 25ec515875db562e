"""The generated tables of the README files, from results/*.json. `python -m training tables`.

In each of `DOCUMENTS`, a block between `<!-- table: NAME -->` and `<!-- end: NAME -->` is replaced
by what `TABLES[NAME]` makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from engine.system.files import write_text

from . import (
    headline_table,
    human_tables,
    machine_tables,
    photo_tables,
    speed_tables,
    training_tables,
)
from .applied import machine_quality, watermark
from .cloak import faces, photos, portraits, protection, recognisers
from .codec import tables as codec_tables
from .running import load, page, scale

ROOT = Path(__file__).parents[2]
# The front page, and each room's own.
ROOMS = ("engine", "training", "training/results", "export", "demo")
DOCUMENTS = (ROOT / "README.md", *(ROOT / room / "README.md" for room in ROOMS))

TABLES: dict[str, Callable[[], str]] = {
    **machine_tables.TABLES,
    **training_tables.TABLES,
    **human_tables.TABLES,
    **photo_tables.TABLES,
    **faces.TABLES,
    **photos.TABLES,
    **recognisers.TABLES,
    **protection.TABLES,
    **portraits.TABLES,
    **codec_tables.TABLES,
    **watermark.TABLES,
    **machine_quality.TABLES,
    **speed_tables.TABLES,
    **scale.TABLES,
    **load.TABLES,
    **page.TABLES,
    **headline_table.TABLES,
}
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def render(text: str) -> str:
    """A document with every generated block made anew. Raises KeyError for an unknown table."""
    return BLOCK.sub(lambda block: f"{block[1]}{TABLES[block[2]]()}\n{block[3]}", text)


def update() -> None:
    """Write the tables of every document."""
    for path in DOCUMENTS:
        write_text(path, render(path.read_text()))
