"""Photos of any size with what is known of them: names, labels, who took them.

A folder of parquet files in the Hub's layout (`test-*.parquet`, else `train-*.parquet`): an image
column of {bytes, path} structs, and of these columns those that there are: `label` (ImageNet's
index 0…999), `name`, `author`, `url`, `license`.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .labelled import DataError

COLUMNS = ("image", "label", "name", "author", "url", "license")


@dataclass(frozen=True)
class Photograph:
    """One photo, and what is known of it.

    pixels: uint8 H×W×3 sRGB; label: ImageNet's index, or None; texts are "" where unknown;
    file_bytes: of the file it was in, 0 where it was in none.
    """

    pixels: np.ndarray
    name: str
    label: int | None = None
    author: str = ""
    url: str = ""
    licence: str = ""
    file_bytes: int = 0


@dataclass(frozen=True)
class Photographs:
    """Photos in the order of their source; source: what they were read from."""

    photos: tuple[Photograph, ...]
    source: str

    def __len__(self) -> int:
        return len(self.photos)


def load_photographs(
    folder: Path, count: int | None = None, *, last_of_train: int | None = None
) -> Photographs:
    """The first `count` photos of a folder's test split, or of its train split where it has none.

    last_of_train: of a train split only so many of its last photos count. Raises DataError.
    """
    if not folder.is_dir():
        raise DataError(f"no data at {folder}: give a folder of parquet files")
    for split in ("test", "train"):
        paths = sorted(folder.rglob(f"{split}-*.parquet"))
        if not paths:
            continue
        rows = [row for path in paths for row in _rows(path)]
        held_out = split == "train" and last_of_train is not None
        rows = rows[-last_of_train:] if held_out else rows
        found = tuple(_photograph(row, number) for number, row in enumerate(rows[:count]))
        if found:
            which = f"the last {len(rows)} of {split}" if held_out else split
            return Photographs(found, f"{folder.resolve().name}: {which}, {len(found)} photos")
    raise DataError(f"{folder} holds no photos in test-*.parquet or train-*.parquet")


def _rows(path: Path) -> list[dict]:
    from pyarrow import parquet

    names = parquet.read_schema(path).names
    if "image" not in names:
        raise DataError(f"{path} has columns {names}, not image")
    return parquet.read_table(path, columns=[name for name in COLUMNS if name in names]).to_pylist()


def _photograph(row: dict, number: int) -> Photograph:
    with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
        pixels = np.asarray(image.convert("RGB"))
    texts = {
        to: unescaped(row.get(name) or "").strip()
        for to, name in (("author", "author"), ("url", "url"), ("licence", "license"))
    }
    name = row.get("name") or row["image"].get("path") or str(number)
    size = len(row["image"]["bytes"])
    return Photograph(pixels, str(name), row.get("label"), **texts, file_bytes=size)


def unescaped(text: str) -> str:
    """A text in which UTF-8 is written as octal escapes, as some lists of photos have it."""

    def decoded(run: re.Match) -> str:
        return bytes(int(code, 8) for code in run[0][1:].split("\\")).decode(errors="replace")

    return re.sub(r"(?:\\[0-3][0-7]{2})+", decoded, text)
