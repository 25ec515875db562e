"""Pictures made to harm: real ones of every format, changed at random; and some made by hand."""

from __future__ import annotations

import io
import random
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image, ImageCms
from skimage import data as photographs

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Where a size, a count, an offset or a code is read, these are what goes wrong.
NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1 << 20, (1 << 24) - 1)
NUMBERS += ((1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
HEAD = 300  # bytes in which most of a file's numbers are


def saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def animated(photo: Image.Image, kind: str, **options) -> bytes:
    """Three pictures in one file; new ones, for Pillow leaves settings in what it saves."""
    others = [photo.rotate(180), photo.rotate(90)]
    return saved(photo.copy(), kind, save_all=True, append_images=others, **options)


def photograph(width: int = 40, height: int = 32) -> Image.Image:
    return Image.fromarray(photographs.chelsea()[60 : 60 + height, 100 : 100 + width])


def exif() -> bytes:
    """An orientation, GPS, a maker's note."""
    block = Image.Exif()
    block[0x0112] = 6
    block.get_ifd(0x8825)[1] = "N"
    block.get_ifd(0x8769)[0x927C] = b"maker" * 20
    return block.tobytes()


@cache
def corpus() -> dict[str, bytes]:
    """Name -> a small real picture; the name's first word is its format."""
    photo = photograph()
    grey, alpha = photo.convert("L"), photo.convert("RGBA")
    alpha.putalpha(grey)
    told = {"exif": exif(), "icc_profile": ImageCms.ImageCmsProfile(profile()).tobytes()}
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    found = {
        "png": saved(photo, "PNG"),
        "png told": saved(photo, "PNG", **told),
        "png palette": saved(photo.quantize(16), "PNG", transparency=3),
        "png grey alpha": saved(alpha.convert("LA"), "PNG"),
        "png deep": saved(deep, "PNG"),
        "png bits": saved(photo.convert("1"), "PNG"),
        "png animated": animated(photo, "PNG"),
        "jpeg": saved(photo, "JPEG"),
        "jpeg told": saved(photo, "JPEG", **told),
        "jpeg progressive": saved(photo, "JPEG", progressive=True),
        "jpeg restarts": saved(photo, "JPEG", restart_marker_blocks=2),
        "jpeg cmyk": saved(photo.convert("CMYK"), "JPEG"),
        "jpeg grey": saved(grey, "JPEG"),
        "mpo": animated(photo, "MPO"),
        "webp": saved(photo, "WEBP"),
        "webp lossless": saved(alpha, "WEBP", lossless=True, **told),
        "webp animated": animated(photo, "WEBP"),
        "gif": saved(photo, "GIF"),
        "gif animated": animated(photo, "GIF", transparency=0),
        "bmp": saved(photo, "BMP"),
        "bmp palette": saved(photo.quantize(200), "BMP"),
        "bmp bits": saved(photo.convert("1"), "BMP"),
        "bmp runs": runs(),
        "ppm": saved(photo, "PPM"),
        "pgm deep": saved(deep, "PPM"),
        "pbm": saved(photo.convert("1"), "PPM"),
        "ppm text": b"P3\n# words\n4 2\n255\n" + b"1 22 255 " * 8,
        "avif": saved(photo, "AVIF", speed=10),
        "avif told": saved(alpha, "AVIF", speed=10, **told),
        "avif animated": animated(photo, "AVIF", speed=10),
    }
    for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        found[f"tiff {name}"] = saved(photo, "TIFF", compression=name)
    found |= {
        "tiff fax": saved(photo.convert("1"), "TIFF", compression="group4"),
        "tiff deep": saved(deep, "TIFF"),
        "tiff big": saved(photo, "TIFF", big_tiff=True),
        "tiff cmyk": saved(photo.convert("CMYK"), "TIFF"),
        "tiff told": saved(alpha, "TIFF", icc_profile=told["icc_profile"]),
        "tiff several": animated(photo, "TIFF"),
    }
    return found | heic(photo, alpha)


def profile() -> object:
    return ImageCms.createProfile("sRGB")


def heic(photo: Image.Image, alpha: Image.Image) -> dict[str, bytes]:
    """HEIC pictures, where pillow-heif is installed."""
    try:
        import pillow_heif
    except ImportError:
        return {}
    found = {}
    for name, image in (("heic", photo), ("heic alpha", alpha)):
        stream = io.BytesIO()
        pillow_heif.from_pillow(image).save(stream, quality=60)
        found[name] = stream.getvalue()
    return found


def runs() -> bytes:
    """A BMP of 16×4 pixels in runs, which Pillow does not write."""
    rows = b"".join(bytes((16, row)) + b"\0\0" for row in range(4)) + b"\0\1"
    palette = bytes(1024)
    info = struct.pack("<IiiHHIIiiII", 40, 16, 4, 1, 8, 1, len(rows), 0, 0, 256, 0)
    start = 14 + len(info) + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    return head + info + palette + rows


def mutant(seed: int, number: int) -> tuple[str, bytes]:
    """The name of a real picture, and that picture changed in one to eight ways, by the seed."""
    source = random.Random(f"{seed}:{number}")
    pictures = corpus()
    name = list(pictures)[number % len(pictures)]
    data = bytearray(pictures[name])
    for _ in range(source.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        source.choice(WAYS)(data, source)
        if not data:
            break
    if name.startswith("png") and source.random() < 0.8:
        return name, with_checksums(bytes(data))
    return name, bytes(data)


def place(data: bytearray, source: random.Random) -> int:
    """Where to change it: most often in the head."""
    end = min(len(data), HEAD) if source.random() < 0.7 else len(data)
    return source.randrange(end)


def stretch(data: bytearray, source: random.Random) -> slice:
    start = place(data, source)
    return slice(start, start + source.choice((1, 2, 4, 8, 12, 30, 100, 1000)))


def change_byte(data: bytearray, source: random.Random) -> None:
    data[place(data, source)] = source.randrange(256)


def change_bit(data: bytearray, source: random.Random) -> None:
    data[place(data, source)] ^= 1 << source.randrange(8)


def put_number(data: bytearray, source: random.Random) -> None:
    at, size = place(data, source), source.choice((1, 2, 2, 4, 4, 4, 8))
    number = source.choice(NUMBERS) % (1 << 8 * size)
    data[at : at + size] = number.to_bytes(size, source.choice(("big", "little")))


def add_to_number(data: bytearray, source: random.Random) -> None:
    at, size, order = (
        place(data, source),
        source.choice((1, 2, 4)),
        source.choice(("big", "little")),
    )
    number = int.from_bytes(data[at : at + size], order) + source.randrange(-16, 17)
    data[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, order)


def remove(data: bytearray, source: random.Random) -> None:
    del data[stretch(data, source)]


def repeat(data: bytearray, source: random.Random) -> None:
    part = stretch(data, source)
    data[part] = data[part] * source.choice((2, 2, 3, 20, 300))


def fill(data: bytearray, source: random.Random) -> None:
    part = stretch(data, source)
    data[part] = bytes([source.choice((0, 255, 0x41))]) * len(data[part])


def scramble(data: bytearray, source: random.Random) -> None:
    part = stretch(data, source)
    data[part] = source.randbytes(len(data[part]))


def cut(data: bytearray, source: random.Random) -> None:
    del data[source.randrange(len(data)) :]


def append(data: bytearray, source: random.Random) -> None:
    data += source.randbytes(source.choice((1, 10, 1000)))


def move(data: bytearray, source: random.Random) -> None:
    part = bytes(data[stretch(data, source)])
    at = place(data, source)
    data[at : at + len(part)] = part


def splice(data: bytearray, source: random.Random) -> None:
    """A part of another picture in its place."""
    other = bytearray(source.choice(list(corpus().values())))
    part, at = other[stretch(other, source)], place(data, source)
    data[at : at + len(part)] = part


WAYS = (change_byte, change_byte, change_bit, put_number, put_number, put_number, add_to_number)
WAYS += (remove, repeat, fill, scramble, cut, append, move, splice)


def with_checksums(data: bytes) -> bytes:
    """A PNG in which each chunk's checksum is right, so that its decoder goes on."""
    whole, at = bytearray(data), len(SIGNATURE)
    while at + 12 <= len(whole):
        end = at + 8 + int.from_bytes(whole[at : at + 4], "big")
        if end + 4 > len(whole):
            break
        whole[end : end + 4] = struct.pack(">I", zlib.crc32(whole[at + 4 : end]))
        at = end + 4
    return bytes(whole)
