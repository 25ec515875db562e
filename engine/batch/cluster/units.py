"""What a command line names, in units: some picture files, or a row group of a parquet file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ...errors import EngineError, ImageError, UsageError
from ...system.libraries import one_line
from ...terminal.inputs import STDIN
from ..collection import PICTURES, Finder, Item, Placed, stems
from .addresses import FAILURES, file_system, files_below, is_address, picture_bytes

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

PARQUET = ".parquet"
COLUMNS = ("image", "img")  # of pictures, structs {bytes, path}, as the Hugging Face Hub has them
TOGETHER = 8  # picture files of a unit: what is in hand when a machine goes is done again


@dataclass(frozen=True)
class Unit:
    """Pictures that one process does in one go and reports together.

    part: the name of its results, where these are parquet. items: picture files; or, of the parquet
    file `shard`, the row group `group` with the rows `rows`. stem: of the shard's results. known:
    what the manifest has of its pictures, by their stems: (sha256 of the picture's file, sha256 of
    each file of results).
    """

    part: str
    items: tuple[Item, ...] = ()
    shard: str = ""
    group: int = 0
    rows: range = range(0)
    stem: str = ""
    known: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)

    def stems(self) -> list[str]:
        """Of the results of each picture, in order."""
        return [item.stem for item in self.items] or [self.of_row(row).stem for row in self.rows]

    def of_row(self, row: int) -> Item:
        return Item(f"{self.shard}#{row}", f"{self.stem}/{row:07d}")


@dataclass(frozen=True)
class Plan:
    """All units of a command line, how many pictures they have, and what was passed over."""

    units: tuple[Unit, ...]
    total: int
    notes: tuple[str, ...]


def plan(operands: Iterable[str], out: Path | None) -> Plan:
    """What the operands name: as `collect` has it, and parquet files, folders of them, addresses.

    out: the folder of results, where it is on a disk. Raises UsageError as `collect` does, and for
    standard input.
    """
    finder = Finder(out)
    placed: list[Placed] = []
    shards: list[Placed] = []
    for operand in operands:
        if operand == STDIN:
            raise UsageError("- is standard input, which machines elsewhere cannot read")
        if not is_address(operand) and not has_parquet(operand):
            placed += finder.named(operand)
            continue
        pictures, tables = elsewhere(operand, finder.notes)
        placed += pictures
        shards += tables
    names = stems(place for _, place, _ in (*placed, *shards))
    items = [
        Item(image, stem, error) for (image, _, error), stem in zip(placed, names, strict=False)
    ]
    units = [
        Unit(f"pictures-{start // TOGETHER:06d}", tuple(items[start : start + TOGETHER]))
        for start in range(0, len(items), TOGETHER)
    ]
    for (shard, _, _), stem in zip(shards, names[len(placed) :], strict=True):
        units += row_groups(shard, stem)
    total = sum(len(unit.items) or len(unit.rows) for unit in units)
    return Plan(tuple(units), total, tuple(finder.notes))


def has_parquet(name: str) -> bool:
    """Whether a path is a parquet file, or a folder with one."""
    if os.path.isdir(name):
        return next(Path(name).rglob(f"*{PARQUET}"), None) is not None
    return name.endswith(PARQUET)


def elsewhere(name: str, notes: list[str]) -> tuple[list[Placed], list[Placed]]:
    """The pictures and the parquet files of an address, or of a folder with parquet files.

    Where there are parquet files, nothing else is taken.
    """
    try:
        found = files_below(name)
    except ImageError as error:
        return [(name, PurePath(name).stem, error)], []
    tables = [each for each in found if each[0].endswith(PARQUET)]
    pictures = [each for each in found if PurePath(each[1]).suffix.lower() in PICTURES]
    taken = tables or pictures
    if len(taken) < len(found):
        notes.append(f"{name}: {len(found) - len(taken):,} other files passed over")
    if not taken:
        refusal = f"{name} holds neither pictures nor parquet files, by their names"
        return [(name, "empty", ImageError(refusal))], []
    placed = [(each, os.path.splitext(place)[0], None) for each, place in taken]
    return ([], placed) if tables else (placed, [])


def row_groups(shard: str, stem: str) -> Iterator[Unit]:
    """A unit for each row group of a parquet file; one that is refused, where it is none."""
    try:
        with opened(shard) as table:
            column(table, shard)
            counts = [
                table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)
            ]
    except EngineError as error:
        yield Unit(f"{stem}-none", (Item(shard, stem, error),))
        return
    first = 0
    for group, count in enumerate(counts):
        rows = range(first, first + count)
        yield Unit(f"{stem}-{group:05d}", shard=shard, group=group, rows=rows, stem=stem)
        first += count


def opened(shard: str) -> ParquetFile:
    """A parquet file at a path or an address, its footer read. Raises ImageError."""
    from pyarrow import parquet

    system, path = file_system(shard)
    try:
        return parquet.ParquetFile(path, filesystem=system)
    except FAILURES as error:  # pyarrow's errors are ValueErrors
        raise ImageError(f"{shard} is no parquet file: {one_line(error)}") from None


def column(table: ParquetFile, shard: str) -> str:
    """The column of pictures. Raises ImageError."""
    from pyarrow import types

    schema = table.schema_arrow
    for name in COLUMNS:
        if name in schema.names:
            kind = schema.field(name).type
            if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
                return name
    wanted = " or ".join(COLUMNS)
    raise ImageError(f"{shard} has no column {wanted} of structs with a field bytes")


def pictures(unit: Unit) -> Iterator[tuple[Item, bytes | EngineError]]:
    """Each picture of a unit and the bytes of its file, or why it has none."""
    for item in unit.items:
        try:
            if item.error is not None:
                raise item.error
            yield item, picture_bytes(item.image)
        except EngineError as error:
            yield item, error
    if not unit.shard:
        return
    try:
        with opened(unit.shard) as table:
            name = column(table, unit.shard)
            cells = table.read_row_group(unit.group, columns=[f"{name}.bytes"])[name]
    except EngineError as error:
        yield from ((unit.of_row(row), error) for row in unit.rows)
        return
    except FAILURES as error:
        refusal = ImageError(f"{unit.shard} cannot be read: {one_line(error)}")
        yield from ((unit.of_row(row), refusal) for row in unit.rows)
        return
    for row, cell in zip(unit.rows, cells, strict=True):
        item, value = unit.of_row(row), cell.as_py()
        data = value and value["bytes"]
        yield item, data or ImageError(f"{item.image}: the row holds no bytes of a picture")
