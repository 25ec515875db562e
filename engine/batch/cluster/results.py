"""What comes of a unit, written where it belongs: files, or one parquet file for the unit."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ...models.locate import sha256_of
from ...system.files import unwritable, write_files
from ...system.libraries import one_line
from ..manifest import Source
from ..pool import Answer
from .addresses import FAILURES, file_system, is_address
from .units import PARQUET, Unit

ROW_GROUP = 32  # rows: what a reader of some pictures reads at once


@dataclass(frozen=True)
class Place:
    """A folder of results, by its whole path or its address.

    base: it in reports, before the names of files. temporary: on its disk, for what is unfinished.
    parquet: whether results are parquet files.
    """

    out: str
    base: str
    temporary: Path | None
    parquet: bool

    def for_unit(self, unit: Unit) -> Files | Part:
        return Part(self, unit) if self.parquet else Files(self, unit)

    def digest(self, name: str) -> str | None:
        """sha256 of a file of results, hexadecimal; None where it is missing."""
        try:
            if not is_address(self.out):
                return sha256_of(Path(self.out, name))
            system, folder = file_system(self.out)
            return hashlib.sha256(system.cat_file(f"{folder}/{name}")).hexdigest()
        except FAILURES:
            return None

    def write(self, files: dict[str, bytes]) -> dict[str, str]:
        """Write files, all or none; the digest of each. Raises OutputError, StorageError.

        All or none as far as fsspec has transactions for the place; each is whole in any case.
        """
        if is_address(self.out):
            system, folder = file_system(self.out)
            try:
                for parent in {os.path.dirname(f"{folder}/{name}") for name in files}:
                    system.makedirs(parent, exist_ok=True)
                with system.transaction:
                    for name, data in files.items():
                        with system.open(f"{folder}/{name}", "wb") as stream:
                            stream.write(data)
            except FAILURES as error:
                code = getattr(error, "errno", None)
                raise unwritable(self.out, one_line(error), code) from None
        else:
            write_files(
                {Path(self.out, name): data for name, data in files.items()}, self.temporary
            )
        return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


class Files:
    """The results of a unit as files, written picture by picture."""

    def __init__(self, place: Place, unit: Unit):
        self.place, self.known = place, unit.known
        self.digests: dict[str, dict[str, str]] = {}  # of the files of each stem

    def has(self, source: Source) -> bool:
        """Whether a picture's results of an earlier run are there and as they were written."""
        content, files = self.known.get(source.stem, ("", {}))
        return content == source.content and all(
            self.place.digest(name) == digest for name, digest in files.items()
        )

    def add(self, source: Source, answer: Answer, files: dict[str, bytes]) -> None:
        """What has come of a picture. Raises OutputError, StorageError."""
        if answer.error is None:
            self.digests[source.stem] = self.place.write(files)

    def close(self) -> None:
        """The unit is at its end."""


class Part:
    """The results of a unit as one parquet file, written at its end; rows that hold stay."""

    def __init__(self, place: Place, unit: Unit):
        self.place, self.known, self.name = place, unit.known, f"{unit.part}{PARQUET}"
        self.rows: list[dict] = []
        self.before = {row["stem"]: row for row in self._earlier()}
        self.digests: dict[str, dict[str, str]] = {}

    def _earlier(self) -> list[dict]:
        """The rows of an earlier run, where the file is as it was written."""
        from pyarrow import parquet

        expected = {files.get(self.name) for _, files in self.known.values()} - {None}
        found = self.place.digest(self.name) if expected else None
        if found is None or found not in expected:
            return []
        system, folder = file_system(self.place.out)
        with system.open(f"{folder}/{self.name}", "rb") as stream:
            return parquet.read_table(stream).to_pylist()

    def has(self, source: Source) -> bool:
        row = self.before.get(source.stem)
        if source.stem not in self.known or row is None or row["error"] is not None:
            return False
        if row["content"] != source.content:
            return False
        self.rows.append(row | {"image": source.image})
        return True

    def add(self, source: Source, answer: Answer, files: dict[str, bytes]) -> None:
        failed = answer.error is not None
        self.rows.append(
            {
                "image": source.image,
                "stem": source.stem,
                "content": source.content,
                "success": not failed and answer.report.success,
                "error": str(answer.error) if failed else None,
                "report": None if failed else json.dumps(answer.report.data),
                "files": [{"bytes": data, "path": name} for name, data in files.items()],
            }
        )

    def close(self) -> None:
        """Write the file, unless it is there as it is to be. Raises OutputError, StorageError."""
        if self.rows == list(self.before.values()):
            return
        digest = self.place.write({self.name: encoded(self.rows)})
        self.digests = {row["stem"]: digest for row in self.rows if row["error"] is None}


def encoded(rows: list[dict]) -> bytes:
    """The rows of a part as a parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    file = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("image", "stem", "content")),
            ("success", pa.bool_()),
            *((name, pa.string()) for name in ("error", "report")),
            ("files", pa.list_(file)),
        ]
    )
    stream = io.BytesIO()
    # Pictures are compressed already.
    with parquet.ParquetWriter(stream, schema, compression="none") as writer:
        for start in range(0, len(rows), ROW_GROUP):  # an array holds 2 GB at most
            writer.write_table(pa.Table.from_pylist(rows[start : start + ROW_GROUP], schema))
    return stream.getvalue()


def below(files: dict[Path, bytes], out: Path) -> dict[str, bytes]:
    """Files of a task by their names below its folder of results."""
    return {path.relative_to(out).as_posix(): data for path, data in files.items()}
