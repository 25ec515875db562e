"""Pictures in and out: every conversion between files, uint8 and float lives here.

The one form inside the engine is uint8 H×W×3, sRGB, 0…255. What happens to other files:

- EXIF orientation is applied, all metadata is dropped;
- an ICC profile is converted to sRGB (a broken one is ignored);
- alpha is composited on white; palette, grey and bilevel become RGB;
- CMYK is converted, through its profile where it has one;
- 16-bit grey is scaled to 8 bits;
- of an animation or a multi-picture file the first picture is taken;
- floating-point and 32-bit integer pictures are refused: they have no defined white.

Each of these leaves a note, so that a report can say what was done.
"""

from __future__ import annotations

import io
import os
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .errors import ImageError, OutputError

# 80 million pixels: a large camera picture; 240 MB once decoded. Checked before decoding.
MAX_PIXELS = 80_000_000
# Read by Pillow itself; formats that start other programs (EPS) are not among them.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")


@dataclass(frozen=True)
class Picture:
    """pixels uint8 H×W×3 sRGB 0…255; notes say what was done to make them so."""

    pixels: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def open_image(path: str | os.PathLike, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Open a picture file. Raises ImageError: what is wrong, the limit, the remedy."""
    path = Path(path)
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a directory: name the pictures in it, as in {path}/*.png")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file: check the name and the folder") from None
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}): check its rights") from None
    return decode(data, str(path), max_pixels=max_pixels)


def decode(data: bytes, name: str = "picture", *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode the bytes of a picture file; `name` is used in errors. Raises ImageError."""
    if not data:
        raise ImageError(f"{name} is empty (0 bytes): copy or download it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: we have a limit
            with Image.open(io.BytesIO(data), formats=_readable()) as image:
                check_size(*image.size, name, max_pixels)
                return convert(image, name)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(
            f"{name} has too many pixels; the limit is {max_pixels:,}: scale it down first"
        ) from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{name} is not a picture we can read ({', '.join(FORMATS)}): convert it to PNG"
        ) from None
    except MemoryError:
        raise ImageError(f"{name} does not fit in memory: scale it down first") from None
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise ImageError(f"{name} is truncated or damaged ({error}): get it again") from None


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


def convert(image: Image.Image, name: str) -> Picture:
    """A freshly opened Pillow picture of any mode -> `Picture`."""
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        notes.append(f"first of {frames} pictures")
    image.load()
    profile = image.info.get("icc_profile")
    if image.getexif().get(0x0112, 1) != 1:
        image = ImageOps.exif_transpose(image)
        notes.append("turned upright as EXIF says")
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
        notes.append("16 bits scaled to 8")
    elif image.mode in ("I", "F"):
        raise ImageError(
            f"{name} has 32-bit pixels (mode {image.mode}), which have no defined white: "
            "convert it to 8 or 16 bits"
        )
    alpha = None
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        notes.append("palette converted")
    elif "transparency" in image.info and image.mode in ("L", "RGB", "1"):
        image = image.convert("RGBA")
    if image.mode in ("RGBa", "La", "PA"):
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA"):
        alpha = image.getchannel("A")
        image = image.convert("RGB" if image.mode == "RGBA" else "L")
        if alpha.getextrema()[0] == 255:
            alpha = None
    if image.mode == "1":
        image = image.convert("L")
    if profile:
        image = _to_srgb(image, profile, notes)
    if image.mode != "RGB":
        notes.append({"L": "grey", "CMYK": "CMYK converted"}.get(image.mode, image.mode))
        image = image.convert("RGB")
    if alpha is not None:
        white = Image.new("RGB", image.size, "white")
        image = Image.composite(image, white, alpha)
        notes.append("transparency on white")
    return Picture(np.array(image), tuple(notes))


def _to_srgb(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source) and image.mode == "RGB":
            return image
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append("unusable colour profile ignored")
        return image
    notes.append("colour profile converted to sRGB")
    return converted


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
        return convert(image.copy(), "the picture")
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


def to_batch(pixels: np.ndarray) -> np.ndarray:
    """uint8 N×H×W×3 -> float32 N×3×H×W in 0…1."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def to_pixels(batch: np.ndarray) -> np.ndarray:
    """float32 N×3×H×W -> uint8 N×H×W×3: clipped to 0…1, rounded to 8 bits."""
    return np.rint(np.clip(batch, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)


def encode_png(pixels: np.ndarray) -> bytes:
    """uint8 H×W×3 or H×W -> the bytes of a PNG file without metadata."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
    return stream.getvalue()


def write_files(files: dict[Path, bytes]) -> None:
    """Write all files or none: each under a temporary name first, then renamed.

    Raises OutputError; nothing half-written is left.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            staged[Path(temporary)] = path
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            os.chmod(temporary, 0o644)
        for temporary, path in staged.items():
            os.replace(temporary, path)
    except OSError as error:
        place = error.filename or "the output"
        raise OutputError(
            f"{place} cannot be written ({error.strerror}): choose another --out"
        ) from None
    finally:
        for temporary in staged:
            temporary.unlink(missing_ok=True)
