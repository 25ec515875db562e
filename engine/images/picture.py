"""Pictures in and out: every conversion between files, uint8 and float lives here.

The one form inside the engine is uint8 H×W×3, sRGB, 0…255. What happens to other files:

- EXIF orientation is applied (unreadable EXIF is ignored), all metadata is dropped;
- an ICC profile is converted to sRGB (a broken one is ignored, one that is sRGB changes nothing);
- alpha is composited on white; palette, grey and bilevel become RGB;
- CMYK is converted, through its profile where it has one;
- 16-bit grey is scaled to 8 bits, of 16-bit colour the upper 8 bits are taken;
- of an animation or a multi-picture file the first picture is taken;
- of a GIF or WebP that is cut after its first picture that one is taken;
- a JPEG that has lost its end marker, and nothing else, is read;
- long texts, and chunks with a wrong checksum that PNG could do without, are left out;
- floating-point and 32-bit integer pictures are refused: they have no defined white.

Each of these leaves a note, so that a report can list what was done. What is bounded before
decoding is in `engine.images.formats`.
"""

from __future__ import annotations

import io
import logging
import os
import re
import stat
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from ..arguments import check_number
from ..errors import ImageError
from ..system.libraries import one_line
from ..system.threads import threads
from .conversion import Picture, convert
from .formats import Prepared, heif, prepared

# 80 million pixels: a large camera picture; 240 MB once decoded. Checked before decoding.
MAX_PIXELS = 80_000_000
MAX_BYTES = 512 << 20  # that many pixels, 16 bits per channel, uncompressed
# Read by Pillow itself; formats that start other programs (EPS) are not among them. HEIC is read
# by pillow-heif, where it is installed.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
# Their decoders hold several copies at once; with these, none takes more than a gigabyte.
MAX_PIXELS_OF = {"WEBP": 50_000_000, "AVIF": 50_000_000, "HEIF": 50_000_000}

# What Pillow logs is in the errors that it raises; without a handler Python prints it.
logging.getLogger("PIL").addHandler(logging.NullHandler())

RUNS = 3  # zlib's strategy Z_RLE
SIDE_BY_SIDE = 1_000_000  # pixels from which planes are resized on several cores

# Before any Path is made of it, which would lose a slash; one slash where a caller's has.
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://|(https?|ftp|s3|file):/|data:[^/]*/[^/]*[;,]", re.I)


def open_image(path: str | os.PathLike, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Open a picture file. Raises ImageError: what is wrong, the limit, the remedy.

    max_pixels: of width times height, checked before decoding; UsageError where it is below 1.
    """
    check_number("max_pixels", max_pixels, 1)
    return decode(read_file(path), str(path), max_pixels=max_pixels)


def read_file(path: str | os.PathLike) -> bytes:
    """The bytes of a picture file. Raises ImageError."""
    if not isinstance(path, (str, os.PathLike)):
        raise ImageError(f"{type(path).__name__} is no path of a picture: give its name")
    if ADDRESS.match(os.fspath(path)):
        raise ImageError(f"{path} is an address, not a file: download it first, then name the file")
    path = Path(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{path} is a directory: name the pictures in it, as in {path}/*.png")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path} is no regular file: save the picture to a file first")
        if status.st_size > MAX_BYTES:
            raise ImageError(
                f"{path} has {status.st_size:,} bytes; the limit is {MAX_BYTES:,}: scale it down"
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ImageError(f"{path}: no such file: check the name and the folder") from None
    except OSError as error:
        raise ImageError(
            f"{path} cannot be read ({error.strerror}): check its name and its rights"
        ) from None


def decode(data: bytes, name: str = "picture", *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode the bytes of a picture file; `name` is used in errors. Raises ImageError."""
    if not data:
        raise ImageError(f"{name} is empty (0 bytes): copy or download it again")
    with _refusing(name, max_pixels):
        return _decoded(prepared(data, name), name, max_pixels)


def _decoded(ready: Prepared, name: str, max_pixels: int) -> Picture:
    if ready.size is not None:
        check_size(*ready.size, name, min(max_pixels, MAX_PIXELS_OF["WEBP"]))
    with _opened(ready.data, name) as image:
        check_size(*image.size, name, min(max_pixels, MAX_PIXELS_OF.get(image.format, max_pixels)))
        if ready.profile is not None:
            image.info["icc_profile"] = ready.profile
        return convert(image, name, ready.notes, counted=ready.counted)


def _opened(data: bytes, name: str) -> ImageFile.ImageFile:
    if heif.is_heif(data):
        return heif.opened(data, name)
    return Image.open(io.BytesIO(data), formats=_readable())


@contextmanager
def _refusing(name: str, max_pixels: int) -> Iterator[None]:
    """Turn all that Pillow may raise on a bad picture into one ImageError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: we have a limit
            yield
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(
            f"{name} has too many pixels; the limit is {max_pixels:,}: scale it down first"
        ) from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{name} is not a picture we can read ({', '.join(FORMATS)}, HEIC): convert it to PNG"
        ) from None
    except MemoryError:
        raise ImageError(f"{name} does not fit in memory: scale it down first") from None
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        reason = one_line(error) or type(error).__name__
        raise ImageError(f"{name} is truncated or damaged ({reason}): get it again") from None


@cache
def _readable() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow has; multi-picture JPEGs come with JPEG."""
    Image.init()
    return tuple(kind for kind in FORMATS if kind in Image.OPEN)


def check_size(width: int, height: int, name: str, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse a picture without pixels or with too many."""
    if width < 1 or height < 1:
        raise ImageError(f"{name} is {width}×{height}: a picture needs at least one pixel")
    if width * height > max_pixels:
        raise ImageError(
            f"{name} is {width}×{height}, {width * height:,} pixels; "
            f"the limit is {max_pixels:,}: scale it down first"
        )


def as_picture(image: object) -> Picture:
    """A path, a Pillow picture, a `Picture`, or an array uint8 H×W×3 or H×W -> `Picture`.

    Raises ImageError for arrays of another type or shape.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, (str, os.PathLike)):
        return open_image(image)
    if isinstance(image, Image.Image):
        check_size(*image.size, "the picture")
        with _refusing("the picture", MAX_PIXELS):
            return convert(image, "the picture")
    if not isinstance(image, np.ndarray):
        raise ImageError(f"{type(image).__name__} is no picture: give a path, Pillow or NumPy")
    if image.dtype != np.uint8:
        raise ImageError(f"array of {image.dtype}: give uint8, sRGB, 0…255")
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"array of shape {image.shape}: give height × width × 3")
    check_size(image.shape[1], image.shape[0], "the array")
    return Picture(np.ascontiguousarray(image))


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """uint8 H×W×3 -> uint8 height×width×3, Lanczos; the whole picture, aspect not kept."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def resized(planes: np.ndarray, width: int, height: int) -> np.ndarray:
    """float32 …×H×W -> float32 …×height×width: Lanczos, as `resize`."""
    if planes.shape[-2:] == (height, width):
        return planes
    whole = np.empty((*planes.shape[:-2], height, width), np.float32)

    def fill(index: tuple[int, ...]) -> None:
        plane = Image.fromarray(np.ascontiguousarray(planes[index]))
        whole[index] = plane.resize((width, height), Image.Resampling.LANCZOS)

    each = list(np.ndindex(planes.shape[:-2]))
    if len(each) > 1 and width * height > SIDE_BY_SIDE:
        with ThreadPoolExecutor(threads()) as pool:
            list(pool.map(fill, each))
    else:
        for index in each:
            fill(index)
    return whole


def to_batch(pixels: np.ndarray) -> np.ndarray:
    """uint8 N×H×W×3 -> float32 N×3×H×W in 0…1."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def to_pixels(batch: np.ndarray) -> np.ndarray:
    """float32 N×3×H×W -> uint8 N×H×W×3: clipped to 0…1, rounded to 8 bits."""
    return np.rint(np.clip(batch, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)


def encode_png(pixels: np.ndarray, *, quick: bool = False) -> bytes:
    """uint8 H×W×3 or H×W -> the bytes of a PNG file without metadata.

    quick: search for runs alone, not for earlier patterns: a fifth of the time on a photo, and
    about as small.
    """
    stream = io.BytesIO()
    how = {"compress_type": RUNS} if quick else {}
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", **how)
    return stream.getvalue()
