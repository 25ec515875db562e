"""Files in and out of the page: uploads opened by the engine, results as the engine's own bytes.

Gradio passes the path of an upload; the engine decodes it, and no byte of the file itself goes any
further: EXIF, GPS and profiles end here. The one exception is `open_original`.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from gradio import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from engine.compress.original import Original, kind_of
from engine.errors import ImageError
from engine.images.picture import Picture, decode
from engine.images.samples import sample_paths

from .folder import uploads_folder
from .limits import Limits
from .recent import RecentPictures
from .visitors import current_visitor, owners

recent = RecentPictures()
Upload = dict | None  # Gradio's FileData: {"path": …, "orig_name": …}


def read_upload(upload: dict, limits: Limits, most: int | None = None) -> tuple[str, bytes]:
    """Name and bytes of an upload, its size checked before it is read. Raises ImageError.

    most: bytes, where the limit is less than a picture's.

    Only a regular file of the upload folder is opened, or a sample picture; a link counts as what
    it leads to. Whatever is wrong with a path, the error is the same. Whose upload it is
    has been checked before (`demo.server.access`).
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
        own = path.is_relative_to(uploads_folder().resolve())
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


def open_upload(upload: Upload, limits: Limits, what: str = "a picture") -> Picture:
    """The picture in an upload. Raises ImageError, for a visitor: no path, no option."""
    if not upload or not upload.get("path"):
        raise ImageError(f"Choose {what} first")
    name, data = read_upload(upload, limits)
    most = limits.pixels
    return recent.picture(data, most, lambda: decode(data, name, max_pixels=most))


def open_original(upload: Upload, limits: Limits) -> Original:
    """The picture in an upload, and the file itself, which `compress` may return as it is.

    Raises ImageError, as `open_upload`.
    """
    picture = open_upload(upload, limits)
    _, data = read_upload(upload, limits)
    return Original(picture.pixels, picture.notes, data, *kind_of(data))


def stem(upload: Upload) -> str:
    """The name of an upload without its ending, for the names of results: letters, digits, _.-

    A name is written by whoever sends the file, and ends up in pages and folders.
    """
    name = Path((upload or {}).get("orig_name") or "picture").stem
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60] or "picture"


def save_file(data: bytes, name: str) -> str:
    """Bytes as a file that a component can show or offer: served unchanged, swept in time."""
    path = save_bytes_to_cache(data, name, get_upload_folder())
    owners.add(path, current_visitor.get())
    return path


def save_file_data(data: bytes, name: str) -> dict:
    """`save_file` for a component with a template of its own, which finds its address as `url`."""
    return FileData(path=save_file(data, name), orig_name=name).model_dump()
