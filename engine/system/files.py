"""Files are written whole or not at all: under a temporary name beside them, then renamed.

`replacing` and `write_bytes` for one file, `write_files` for several that belong together.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import OutputError, StorageError

# What is wrong with the disk and not with one file: full, over a quota, read-only.
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def check_folder(folder: Path) -> None:
    """Raise OutputError where files cannot come into a folder; it, or a parent, need not exist.

    For a word before long work: nothing is made, and what only writing shows is left to writing.
    """
    way = (folder, *folder.absolute().parents)
    nearest = next(place for place in way if os.path.exists(place))
    if not nearest.is_dir():
        raise unwritable(nearest, "not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise unwritable(nearest, "no permission")


def unwritable(place: object, reason: object, code: int | None = None) -> OutputError:
    """The error where nothing can be written. code: the system's number of it, if it has one."""
    if code in DISK:
        remedy = "make room, or choose another --out; what was written before stays"
        return StorageError(f"{place} cannot be written ({reason}): {remedy}")
    return OutputError(f"{place} cannot be written ({reason}): choose another --out")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file to write in the `with` block, which becomes `path` when the block ends.

    The folder is made where it is missing. After an error or an interrupt the older file is what
    it was; a killed process leaves it as well, and at most a `.part` beside it. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}.part")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:  # also when interrupted
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write one file by `replacing`. Raises OSError."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write one file by `replacing`, in UTF-8. Raises OSError."""
    write_bytes(path, text.encode())


def write_files(files: dict[Path, bytes], temporary: Path | None = None) -> None:
    """Write all files or none; older files of these names are replaced only when all are complete.

    Each is written under a temporary name, read back and compared; then all are renamed. Where
    anything fails, or the user interrupts, every older file is what it was before, and nothing new
    is left. temporary: a folder of the same disk for what is not complete; without it each file's
    own. Raises OutputError, StorageError where the disk is full or read-only.
    """
    mark = secrets.token_hex(4)
    places = [Replacement(path, mark, number, temporary) for number, path in enumerate(files)]
    try:
        for place, data in zip(places, files.values(), strict=True):
            place.fill(data)
        for place in places:
            place.replace()
    except BaseException as error:  # also when interrupted
        for place in places:
            with suppress(OSError):  # one that cannot be restored must not keep the others from it
                place.restore()
        if not isinstance(error, (OSError, ValueError)):
            raise
        name = getattr(error, "filename2", None) or getattr(error, "filename", None)
        reason = getattr(error, "strerror", None) or error
        code = getattr(error, "errno", None)
        raise unwritable(name or next(iter(files)), reason, code) from None
    for place in places:
        place.backup.unlink(missing_ok=True)


class Replacement:
    """One file of a set: its new content and its older file, each under a short name beside it,
    or in the folder `temporary`.

    Names of ours are never longer than the file's may be. How far a replacement has come is read
    off the disk, for an interrupt may come between an action and any note of it.
    """

    def __init__(self, path: Path, mark: str, number: int, temporary: Path | None = None):
        self.path = path
        folder = path.parent if temporary is None else temporary
        self.temporary = folder / f".{mark}-{number}.part"
        self.backup = folder / f".{mark}-{number}.old"
        self.filled = False

    def fill(self, data: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_dir() and not self.path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path))
        with self.temporary.open("xb") as stream:
            self.filled = True
            stream.write(data)
        if self.temporary.read_bytes() != data:
            raise OSError(errno.EIO, "reads back differently: check the disk", str(self.path))

    def replace(self) -> None:
        if os.path.lexists(self.path):
            try:  # a second name of the older file, so that the first is never missing
                os.link(self.path, self.backup, follow_symlinks=False)
            except (OSError, NotImplementedError):  # no hard links here
                os.rename(self.path, self.backup)
        os.replace(self.temporary, self.path)

    def restore(self) -> None:
        """The older file back under its name, or none where there was none."""
        if os.path.lexists(self.backup):
            os.replace(self.backup, self.path)
            self.backup.unlink(missing_ok=True)  # two names of one file: the rename did nothing
        elif self.filled and not self.temporary.exists():
            self.path.unlink(missing_ok=True)
        self.temporary.unlink(missing_ok=True)
