"""What a batch has done, one JSON object a line, so that it can go on where it was ended.

A picture's record holds the digest of its file, that of the options and weights, and those of the
files that were written. It counts as done while all of these are still the same. Errors are
recorded to be read; such pictures are tried again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import UsageError
from ..models.locate import sha256_of
from ..system.files import unwritable

try:
    import fcntl
except ImportError:  # Windows: two batches at once into one folder are not noticed there
    fcntl = None

ENDING = ".manifest.jsonl"
UNFINISHED = ".unfinished"  # of the folder for files that are not complete


def results_of(folder: Path) -> bool:
    """Whether a folder holds the results of a batch."""
    return next(folder.glob(f"*{ENDING}"), None) is not None


@dataclass(frozen=True)
class Source:
    """What a result is of. image: the picture's name; stem: of its results' files, below the folder
    of results; content: sha256 of the picture's file, hexadecimal."""

    image: str
    stem: str
    content: str


class Manifest:
    """The records of one command in one folder of results; made by `opened`.

    path: of the file, open as stream, in the folder of results; key: digest of the options and
    weights; temporary: where files are until they are complete. out: the folder of results, as
    reports name it.
    """

    def __init__(self, path: Path, stream: BinaryIO, key: str, temporary: Path):
        self.path, self.folder, self.key, self.temporary = path, path.parent, key, temporary
        self.out = str(self.folder)
        self._stream = stream
        self._places = self._read()

    def _read(self) -> dict[str, int]:
        """Where the last record of each stem begins; a line that a kill has cut is removed."""
        places: dict[str, int] = {}
        self._stream.seek(0)
        end = 0
        for line in self._stream:
            if not line.endswith(b"\n"):
                self._stream.truncate(end)
                break
            with suppress(ValueError, KeyError, TypeError):  # a line that is not ours, or damaged
                places[json.loads(line)["stem"]] = end
            end += len(line)
        return places

    def report(self, source: Source) -> tuple[dict, bool] | None:
        """The report of a picture that is done, and its success; else None."""
        record = self.record(source.stem)
        if record is None or record["content"] != source.content:
            return None
        if not self._intact(record["files"]):
            return None
        return self.reported(record, source), record["success"]

    def record(self, stem: str) -> dict | None:
        """What is recorded of a picture that was done with the same options, else None.

        Whether it and its files are still the same is not looked at.
        """
        place = self._places.get(stem)
        if place is None:
            return None
        self._stream.seek(place)
        record = json.loads(self._stream.readline())
        complete = {"content", "report", "files", "success", "out"} <= set(record)
        return record if complete and record.get("key") == self.key else None

    def reported(self, record: dict, source: Source) -> dict:
        """The report in a record, of a picture and in a folder that may have other names now."""
        places = {
            os.path.join(record["out"], name): os.path.join(self.out, name)
            for name in record["files"]
        }
        return relocated(record["report"], places) | {"image": source.image}

    def _intact(self, files: dict[str, str]) -> bool:
        try:
            return all(sha256_of(self.folder / name) == was for name, was in files.items())
        except OSError:
            return False

    def add(self, source: Source, report: dict, success: bool, files: dict[Path, bytes]) -> None:
        """Record a picture as done, after its files were written. Raises OutputError."""
        digests = {
            os.path.relpath(path, self.folder): hashlib.sha256(data).hexdigest()
            for path, data in files.items()
        }
        self.add_written(source, report, success, digests)

    def add_written(
        self, source: Source, report: dict, success: bool, digests: dict[str, str]
    ) -> None:
        """`add`, where another process wrote the files: their names in the folder, their sha256."""
        done = {"success": success, "out": self.out, "files": digests, "report": report}
        self._append(source, done)

    def refuse(self, source: Source, error: str) -> None:
        """Record why a picture was refused. Raises OutputError."""
        self._append(source, {"error": error})

    def _append(self, source: Source, record: dict) -> None:
        whole = {"image": source.image, "stem": source.stem, "content": source.content}
        line = json.dumps(whole | {"key": self.key} | record).encode() + b"\n"
        end = self._stream.seek(0, os.SEEK_END)
        try:
            while line:  # of a disk that is nearly full, some bytes come before the error
                line = line[self._stream.write(line) :]
        except OSError as error:
            with suppress(OSError):
                self._stream.truncate(end)
            raise unwritable(self.path, error.strerror, error.errno) from None
        self._places[source.stem] = end


def relocated(report: dict, places: dict[str, str]) -> dict:
    """The report with other paths, as `places` has them, in place of those of its files."""

    def moved(value: object) -> object:
        if isinstance(value, dict):
            return {name: moved(each) for name, each in value.items()}
        return places.get(value, value) if isinstance(value, str) else value

    return moved(report)


@contextmanager
def opened(folder: Path, command: str, key: str) -> Iterator[Manifest]:
    """The manifest of a command in a folder of results, both made where they are missing.

    What an earlier run has left unfinished is removed. Raises UsageError where another run is
    writing there, OutputError.
    """
    path = folder / f"{command}{ENDING}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    except OSError as error:
        raise unwritable(error.filename or path, error.strerror, error.errno) from None
    with stream:
        lock(stream, folder, command)
        temporary = folder / f".{command}{UNFINISHED}"
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir()
        except OSError as error:
            raise unwritable(temporary, error.strerror, error.errno) from None
        try:
            yield Manifest(path, stream, key, temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def lock(stream: BinaryIO, folder: Path, command: str) -> None:
    """Keep others from writing there until the stream is closed, or this process ends."""
    if fcntl is None:
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f"another {command} is writing to {folder}: wait for it, or choose another --out"
        ) from None
    except OSError:  # a file system without locks
        return
