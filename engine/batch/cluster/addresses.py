"""Files by plain paths or by addresses that fsspec knows: s3://bucket/photos, hf://datasets/…"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ImageError, SetupError, UsageError
from ...images.picture import MAX_BYTES
from ...system.libraries import one_line
from ...terminal.inputs import read_bytes

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

SHORTENED = re.compile(r"([a-z][a-z0-9+.-]+):/(?!/)")  # what a Path leaves of s3://
FAILURES = (OSError, ImportError, ValueError, RuntimeError)  # of file systems of all kinds


def is_address(name: str) -> bool:
    return "://" in name


def address_of(path: Path) -> str:
    """What an option of type Path was given, which makes s3:/bucket of s3://bucket."""
    name = str(path)
    scheme = SHORTENED.match(name)
    if scheme is None:
        return name
    slashes = "///" if scheme[1] in ("file", "local") else "//"
    return f"{scheme[1]}:{slashes}{name[scheme.end() :]}"


def file_system(name: str) -> tuple[AbstractFileSystem, str]:
    """The file system of an address or a plain path, and what the place is called there.

    Raises SetupError where a library is missing, UsageError for an address of no known kind.
    """
    from fsspec.core import url_to_fs

    try:
        return url_to_fs(name)
    except ImportError as error:
        raise SetupError(f"{name} needs another library: {one_line(error)}") from None
    except ValueError as error:
        raise UsageError(f"{name}: {one_line(error)}: give a path or an address") from None


def files_below(name: str) -> list[tuple[str, str]]:
    """All files of a folder, recursively and sorted, or the one file that it is.

    Of each its address, or plain path where the name is one, and its place below the folder. Raises
    ImageError where nothing is there, or it cannot be looked into.
    """
    system, top = file_system(name)
    try:
        found = sorted(system.find(top))
    except FAILURES as error:
        raise ImageError(f"{name} cannot be looked into: {one_line(error)}") from None
    if not found:
        raise ImageError(f"{name}: nothing is there: check the name")
    whole = system.unstrip_protocol if is_address(name) else str
    top = top.rstrip("/")
    return [
        (whole(path), path.removeprefix(top).lstrip("/") or os.path.basename(path))
        for path in found
    ]


def picture_bytes(name: str) -> bytes:
    """The bytes of a picture file at a path or an address. Raises ImageError."""
    if not is_address(name):
        return read_bytes(name)
    system, path = file_system(name)
    try:
        with system.open(path) as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except FAILURES as error:
        raise ImageError(f"{name} cannot be read: {one_line(error)}") from None
    if len(data) > MAX_BYTES:
        raise ImageError(f"{name} has more than {MAX_BYTES:,} bytes: scale it down first")
    return data
