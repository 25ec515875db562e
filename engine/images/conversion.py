"""A decoded picture of any mode to uint8 sRGB; what is done is listed in `engine.images.picture`.

It goes from top to bottom in bands, so that a conversion needs little room beside the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from PIL import Image, ImageCms

from ..errors import ImageError
from .formats.tiff import ORIENTATION, check_tags
from .jpeg import JpegSaving
from .profiles import to_srgb

BAND = 4_000_000  # pixels converted at once
# EXIF's orientation -> what turns the picture upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """pixels uint8 H×W×3 sRGB 0…255; notes: what was done to make them so; saving: how its file was
    saved, where that is a JPEG.
    """

    pixels: np.ndarray
    notes: tuple[str, ...] = ()
    saving: JpegSaving | None = field(default=None, kw_only=True)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def convert(
    image: Image.Image, name: str, notes: tuple[str, ...] = (), *, counted: bool = False
) -> Picture:
    """A freshly opened Pillow picture of any mode -> `Picture`. Raises ImageError.

    notes: what was done before; counted: they include the number of pictures.
    """
    done = dict.fromkeys(notes)  # each note once, in order
    if not counted:
        done |= dict.fromkeys(_pictures(image))
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise ImageError(
            f"{name} has 32-bit pixels (mode {image.mode}), which have no defined white: "
            "convert it to 8 or 16 bits"
        )
    deep = any("16" in _raw_mode(tile) for tile in getattr(image, "tile", ()))
    turned = _turned_by_decoder(image)
    saving = JpegSaving.of(image)
    image.load()
    profile = image.info.get("icc_profile")
    if turned:
        done["turned upright as EXIF says"] = None
    else:
        image = _upright(image, done)
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    scaled, colours = image.format == "PPM", cache(to_srgb)  # once for all bands
    for band, rows in _bands(image):
        pixels[rows] = _rgb(band, deep, scaled, profile and partial(colours, profile), done)
    return Picture(pixels, tuple(done), saving=saving)


def _pictures(image: Image.Image) -> tuple[str, ...]:
    """The note on a file with several pictures."""
    if image.format in ("GIF", "TIFF"):  # counting would read them all
        return ("first of several pictures",) if image.is_animated else ()
    frames = getattr(image, "n_frames", 1)
    return (f"first of {frames} pictures",) if frames > 1 else ()


def _turned_by_decoder(image: Image.Image) -> bool:
    """Whether the picture is turned as it loads."""
    if image.format == "TIFF":
        return image.tag_v2.get(ORIENTATION) in TURNS
    return image.format == "HEIF" and image.info.get("original_orientation") in TURNS


def _raw_mode(tile: tuple) -> str:
    """How a tile's samples are stored, as "RGB;16B": the first of its decoder's arguments."""
    arguments = tile[3]
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _bands(image: Image.Image) -> Iterator[tuple[Image.Image, slice]]:
    """The picture from top to bottom, `BAND` pixels at once, each with its rows."""
    width, height = image.size
    step = max(1, BAND // width)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        yield image.crop((0, rows.start, width, rows.stop)), rows


def _upright(image: Image.Image, done: dict[str, None]) -> Image.Image:
    """Turned according to EXIF; EXIF that cannot be read turns nothing."""
    try:
        block = image.info.get("exif")
        if block:
            check_tags(block.removeprefix(b"Exif\0\0"), "EXIF")
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow's EXIF reader raises many kinds
        done["unreadable EXIF ignored"] = None
        return image
    if turn is None:
        return image
    done["turned upright as EXIF says"] = None
    upright = image.transpose(turn)
    upright.format = image.format
    return upright


def _rgb(
    image: Image.Image,
    deep: bool,
    scaled: bool,
    colours: Callable | None,
    done: dict[str, None],
) -> np.ndarray:
    """A loaded picture of any mode -> uint8 H×W×3 sRGB.

    deep: its decoder cut 16 bits to 8; scaled: mode I holds 16 bits; colours: mode -> `to_srgb`.
    """
    image, alpha = _eight_bits(image, scaled, done)
    if deep and image.mode in ("RGB", "RGBA"):
        done["16 bits cut to 8"] = None
    image, alpha = _split_alpha(image, alpha, done)
    if colours:
        transform, note = colours(image.mode)
        if note:
            done[note] = None
        if transform is not None:
            image = ImageCms.applyTransform(image, transform)
    if image.mode != "RGB":
        done[{"L": "grey", "CMYK": "CMYK converted"}.get(image.mode, image.mode)] = None
        image = image.convert("RGB")
    if alpha is not None and alpha.getextrema()[0] < 255:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
        done["transparency on white"] = None
    return np.asarray(image)


def _eight_bits(
    image: Image.Image, scaled: bool, done: dict[str, None]
) -> tuple[Image.Image, Image.Image | None]:
    """16-bit grey scaled to 8 bits, with the alpha of its transparent value; others as they are."""
    if not (image.mode.startswith("I;16") or (image.mode == "I" and scaled)):
        return image, None
    values = np.asarray(image).astype(np.int32).clip(0, 65535)
    clear = image.info.get("transparency")
    alpha = None if clear is None else Image.fromarray((values != clear).astype(np.uint8) * 255)
    done["16 bits scaled to 8"] = None
    return Image.fromarray(((values + 128) // 257).astype(np.uint8)), alpha


def _split_alpha(
    image: Image.Image, alpha: Image.Image | None, done: dict[str, None]
) -> tuple[Image.Image, Image.Image | None]:
    """Palette and bilevel pictures expanded, the colours and the alpha channel apart."""
    if image.mode == "P":
        done["palette converted"] = None
    if image.mode == "P" or (alpha is None and image.mode in ("L", "RGB", "1")):
        image = image.convert(
            "RGBA" if "transparency" in image.info else "L" if image.mode in ("L", "1") else "RGB"
        )
    elif image.mode in ("RGBa", "La", "PA"):
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA"):
        return image.convert("RGB" if image.mode == "RGBA" else "L"), image.getchannel("A")
    return image, alpha
