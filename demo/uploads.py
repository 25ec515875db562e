"""Files in and out of the page: uploads opened by the engine, results as the engine's own bytes.

An upload is whatever a visitor sends. Gradio hands over its path; the engine decodes it, and no
byte of the file itself goes any further: EXIF, GPS and profiles end here.
"""

from __future__ import annotations

import re
from pathlib import Path

from gradio import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from engine.errors import ImageError
from engine.image import Picture, decode

from .limits import Limits

Upload = dict | None  # Gradio's FileData: {"path": …, "orig_name": …}


def opened(upload: Upload, limits: Limits, what: str = "a picture") -> Picture:
    """The picture in an upload. Raises ImageError in words for a visitor: no path, no option."""
    if not upload or not upload.get("path"):
        raise ImageError(f"Choose {what} first")
    name = upload.get("orig_name") or "The file"
    try:
        data = Path(upload["path"]).read_bytes()
    except OSError:
        minutes = limits.keep_seconds // 60
        raise ImageError(
            f"{name} has been deleted, as every upload is after {minutes} minutes: choose it again"
        ) from None
    if len(data) > limits.upload_bytes:
        raise ImageError(
            f"{name} has {len(data):,} bytes; the limit is {limits.upload_bytes:,}: scale it down"
        )
    return decode(data, name, max_pixels=limits.pixels)


def stem(upload: Upload) -> str:
    """The name of an upload without its ending, for the names of results: letters, digits, _.-

    A name is written by whoever sends the file, and ends up in pages and folders.
    """
    name = Path((upload or {}).get("orig_name") or "picture").stem
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60] or "picture"


def kept(data: bytes, name: str) -> str:
    """Bytes as a file that a component can show or offer: served unchanged, deleted in time."""
    return save_bytes_to_cache(data, name, get_upload_folder())


def linked(data: bytes, name: str) -> dict:
    """`kept` for a component with a template of its own, which finds its address as `url`."""
    return FileData(path=kept(data, name), orig_name=name).model_dump()
