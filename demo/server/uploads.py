"""Files in and out of the page: uploads opened by the engine, results as the engine's own bytes.

An upload is whatever a visitor sends. Gradio hands over its path; the engine decodes it, and no
byte of the file itself goes any further: EXIF, GPS and profiles end here.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from gradio import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from engine.errors import ImageError
from engine.images.picture import Picture, decode
from engine.images.samples import sample_paths

from .folder import uploads
from .limits import Limits
from .visitors import current, owners

Upload = dict | None  # Gradio's FileData: {"path": …, "orig_name": …}


def contents(upload: dict, limits: Limits, most: int | None = None) -> tuple[str, bytes]:
    """Name and bytes of an upload, its size looked at first. Raises ImageError.

    most: bytes, where that is less than for a picture.

    Only a regular file of the upload folder is opened, or a sample picture; a link counts as what
    it leads to. Whatever is wrong with a path, the sentence is the same. Whose upload it is, the
    door has checked (`demo.server.door`).
    """
    minutes = limits.keep_seconds // 60
    unknown = ImageError(
        f"This file is not, or no longer, among your uploads, which are deleted after {minutes} "
        "minutes: choose it again"
    )
    name = upload.get("orig_name") or "The file"
    try:
        path = Path(upload["path"]).resolve(strict=True)
        state = path.stat()
        own = path.is_relative_to(uploads().resolve())
        sample = path in map(Path.resolve, sample_paths())
        if not (own or sample) or not stat.S_ISREG(state.st_mode):
            raise unknown
        limit = most or limits.upload_bytes
        if state.st_size > limit:
            raise ImageError(
                f"{name} has {state.st_size:,} bytes; the limit is {limit:,}: make it smaller"
            )
        return name, path.read_bytes()
    except (OSError, ValueError, RuntimeError):  # a name with a zero in it, a loop of links
        raise unknown from None


def opened(upload: Upload, limits: Limits, what: str = "a picture") -> Picture:
    """The picture in an upload. Raises ImageError in words for a visitor: no path, no option."""
    if not upload or not upload.get("path"):
        raise ImageError(f"Choose {what} first")
    name, data = contents(upload, limits)
    return decode(data, name, max_pixels=limits.pixels)


def stem(upload: Upload) -> str:
    """The name of an upload without its ending, for the names of results: letters, digits, _.-

    A name is written by whoever sends the file, and ends up in pages and folders.
    """
    name = Path((upload or {}).get("orig_name") or "picture").stem
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60] or "picture"


def kept(data: bytes, name: str) -> str:
    """Bytes as a file that a component can show or offer: served unchanged, deleted in time."""
    path = save_bytes_to_cache(data, name, get_upload_folder())
    owners.add(path, current.get())
    return path


def linked(data: bytes, name: str) -> dict:
    """`kept` for a component with a template of its own, which finds its address as `url`."""
    return FileData(path=kept(data, name), orig_name=name).model_dump()
