"""The formats a file can have: how each is encoded and decoded, and what may be chosen.

Files are written by Pillow, without metadata, at any quality and resolution; which chroma
subsamplings a format has is in its row, and 4:0:0 leaves the colours out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from threading import Lock

import numpy as np
from PIL import Image, ImageFile, features

from ..arguments import check_choice
from ..errors import ImageError, SetupError
from ..images.picture import MAX_PIXELS, MAX_PIXELS_OF, decode, resize
from ..system.libraries import of_extra
from .encoded import Encoded

BYTES_PER_PIXEL = 6  # of a JPEG at most: noise at quality 100 takes about four
BUFFER = Lock()  # over Pillow's, which all threads share


@dataclass(frozen=True)
class Setting:
    """What one file is encoded with. size: (width, height) in pixels."""

    quality: int
    subsampling: str
    size: tuple[int, int]


@dataclass(frozen=True)
class Format:
    """A row of `FORMATS`.

    name: as `--format` has it; pillow: as Pillow has it; suffix: of a file's name; qualities: the
    least and the most; subsamplings: of the chroma, the standard one first; options: what Pillow is
    given, one dictionary for each way to write the same pixels, the standard way first; side: the
    most pixels a side.
    """

    name: str
    pillow: str
    suffix: str
    qualities: tuple[int, int]
    subsamplings: tuple[str, ...]
    options: tuple[dict, ...]
    side: int

    def encode(self, pixels: np.ndarray, setting: Setting) -> list[Encoded]:
        """uint8 H×W×3 -> files that decode to the same pixels, the standard way first."""
        self.check_available()
        pixels = resize(pixels, *setting.size)
        grey = setting.subsampling == "4:0:0"
        image = Image.fromarray(np.ascontiguousarray(pixels))
        chosen: dict = {"quality": setting.quality}
        if grey:
            image = image.convert("L")
        if len(self.subsamplings) > 1 and not (grey and self.name == "jpeg"):
            chosen["subsampling"] = setting.subsampling
        shown = {
            "quality": setting.quality,
            "subsampling": setting.subsampling,
            "size": list(setting.size),
        }
        files = []
        with roomy(image.width * image.height) if self.name == "jpeg" else nullcontext():
            for options in self.options:
                stream = io.BytesIO()
                image.save(stream, self.pillow, **chosen, **options)
                files.append(Encoded(stream.getvalue(), self.name, shown | options))
        return files

    def check(self, size: tuple[int, int]) -> None:
        """Raise ImageError where the format cannot hold a picture of (width, height)."""
        width, height = size
        most = MAX_PIXELS_OF.get(self.pillow, MAX_PIXELS)
        if max(size) > self.side or width * height > most:
            raise ImageError(
                f"the picture is {width}×{height}; {self.name} holds {self.side:,} pixels a side "
                f"and {most:,} in all: scale it down first, or choose another --format"
            )

    def check_available(self) -> None:
        """Raise SetupError where this Pillow does not write the format."""
        if self.name == "jxl":
            open_jxl()
        elif not features.check(self.pillow.lower() if self.name != "jpeg" else "jpg"):
            raise SetupError(
                f"this Pillow was built without {self.pillow}: run pip install --upgrade pillow, "
                "or choose another --format"
            )


FORMATS = {
    row.name: row
    for row in (
        Format(
            name="jpeg",
            pillow="JPEG",
            suffix=".jpg",
            qualities=(1, 100),
            subsamplings=("4:2:0", "4:2:2", "4:4:4", "4:0:0"),
            options=(
                {"optimize": True, "progressive": False},
                {"optimize": True, "progressive": True},
            ),
            side=65_500,
        ),
        Format(
            name="webp",
            pillow="WEBP",
            suffix=".webp",
            qualities=(0, 100),
            subsamplings=("4:2:0",),
            options=({"method": 6},),
            side=16_383,
        ),
        Format(
            name="avif",
            pillow="AVIF",
            suffix=".avif",
            qualities=(0, 100),
            subsamplings=("4:2:0", "4:4:4", "4:0:0"),
            options=({"speed": 6, "max_threads": 1},),  # more of them give other files
            side=32_768,
        ),
        Format(
            name="jxl",
            pillow="JXL",
            suffix=".jxl",
            qualities=(0, 100),
            subsamplings=("4:4:4",),
            options=({"effort": 7},),
            side=65_535,
        ),
    )
}


@contextmanager
def roomy(pixels: int) -> Iterator[None]:
    """Room for JPEGs of so many pixels whose Huffman tables are optimised.

    Pillow gives libjpeg a buffer that need not hold the file of a noisy picture, which then fails.
    """
    with BUFFER:
        before = ImageFile.MAXBLOCK
        ImageFile.MAXBLOCK = max(before, BYTES_PER_PIXEL * pixels)
        try:
            yield
        finally:
            ImageFile.MAXBLOCK = before


def format_of(name: str) -> Format:
    """The row of this name. Raises UsageError, and SetupError where it cannot be written here."""
    check_choice("format", name, FORMATS)
    FORMATS[name].check_available()
    return FORMATS[name]


def decoded(encoded: Encoded) -> np.ndarray:
    """The pixels of a file as a reader has them, uint8 H×W×3 sRGB. Raises ImageError."""
    if encoded.format != "jxl":
        return decode(encoded.data, "the compressed file").pixels
    open_jxl()
    with Image.open(io.BytesIO(encoded.data), formats=["JXL"]) as image:
        return np.array(image.convert("RGB"))


def open_jxl() -> None:
    """Make Pillow read and write JPEG XL. Raises SetupError."""
    try:
        import pillow_jxl  # noqa: F401
    except (ImportError, OSError) as error:
        raise of_extra(error, "--format jxl", "jxl") from None
