"""Any file in: handled as documented, or refused with one clear line."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from engine.errors import ImageError
from engine.images.picture import (
    MAX_BYTES,
    MAX_PIXELS,
    as_picture,
    decode,
    encode_png,
    open_image,
    resize,
    to_batch,
    to_pixels,
)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def bare_png(width: int, height: int, *, depth: int = 8, data: bytes = b"\0" * 64) -> bytes:
    """A PNG that promises width×height RGB pixels and holds `data`."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def photo(photos):
    return Image.fromarray(photos["chelsea"][:60, :80])


def test_a_png_comes_in_unchanged(photo):
    picture = decode(encoded(photo))
    np.testing.assert_array_equal(picture.pixels, np.asarray(photo))
    assert picture.notes == ()
    assert picture.size == (80, 60)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty", b"", "empty"),
        ("text", b"hello, this is not a picture at all", "not a picture"),
        ("postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    ],
)
def test_what_is_no_picture_is_refused(name, data, words):
    with pytest.raises(ImageError, match=words):
        decode(data, name)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF"])
def test_truncated_files_are_refused(photo, kind):
    data = encoded(photo, kind)
    with pytest.raises(ImageError, match=r"truncated|not a picture"):
        decode(data[: len(data) // 2], "half")


def test_missing_and_directory(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        open_image(tmp_path / "nothing.png")
    with pytest.raises(ImageError, match="is a directory"):
        open_image(tmp_path)


@pytest.mark.parametrize(("width", "height"), [(9000, 9000), (100_000, 100_000), (60_000, 2_000)])
def test_gigantic_pictures_are_refused_before_decoding(width, height):
    with pytest.raises(ImageError, match=f"{MAX_PIXELS:,}"):
        decode(bare_png(width, height), "bomb")


def test_zero_size_is_refused():
    with pytest.raises(ImageError):
        decode(bare_png(0, 10), "thin")
    with pytest.raises(ImageError, match="at least one pixel"):
        as_picture(np.zeros((0, 4, 3), np.uint8))


def test_sixteen_bits_are_scaled(photo):
    grey = np.asarray(photo.convert("L")).astype(np.uint16)
    picture = decode(encoded(Image.fromarray(grey * 257)))
    np.testing.assert_array_equal(picture.pixels[:, :, 0], grey)
    assert "16 bits scaled to 8" in picture.notes


def test_sixteen_bits_are_rounded_not_cut():
    picture = decode(encoded(Image.fromarray(np.array([[0, 128, 129, 65535]], np.uint16))))
    assert picture.pixels[0, :, 0].tolist() == [0, 0, 1, 255]


def test_sixteen_bit_pgm_is_scaled():
    data = b"P5 2 1 65535\n" + bytes([255, 255, 0, 0])
    picture = decode(data)
    assert picture.pixels[0, :, 0].tolist() == [255, 0]
    assert "16 bits scaled to 8" in picture.notes


def test_sixteen_bit_colour_leaves_a_note():
    rows = np.array([[[65535, 0, 32768]]], ">u2")
    picture = decode(b"P6 1 1 65535\n" + rows.tobytes())
    assert picture.pixels.tolist() == [[[255, 0, 128]]]
    deep = struct.pack(">HHH", 65535, 0, 32768)
    png = bare_png(1, 1, depth=16, data=b"\0" + deep)
    assert decode(png).notes == ("16 bits cut to 8",)


def test_a_sixteen_in_the_size_is_not_one_of_bits(photo):
    for size in ((160, 16), (16, 116)):
        for kind in ("PNG", "TIFF", "GIF", "BMP"):
            picture = decode(encoded(photo.resize(size), kind))
            assert not any("16 bits" in note for note in picture.notes), (size, kind)
    deep = np.zeros((16, 3), ">u2").tobytes()
    assert decode(bare_png(16, 1, depth=16, data=b"\0" + deep)).notes == ("16 bits cut to 8",)


def test_a_transparent_sixteen_bit_grey_is_put_on_white():
    image = Image.fromarray(np.array([[7, 20_000]], np.uint16))
    picture = decode(encoded(image, transparency=7))
    assert picture.pixels[0, 0, 0] == 255
    assert picture.pixels[0, 1, 0] == 78
    assert "transparency on white" in picture.notes


def test_special_files_are_refused(tmp_path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(ImageError, match="no regular file"):
        open_image(pipe)
    for name in ("a\0b.png", "x" * 5000, str(tmp_path / "pipe.png" / "deeper.png")):
        with pytest.raises(ImageError):
            open_image(name)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)  # sparse: takes no room
    with pytest.raises(ImageError, match="limit"):
        open_image(path)


def test_a_broken_pillow_picture_is_refused(photo):
    data = encoded(photo)
    half = Image.open(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(ImageError, match="truncated"):
        as_picture(half)


def test_floating_point_is_refused():
    data = encoded(Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)), "TIFF")
    with pytest.raises(ImageError, match="32-bit"):
        decode(data, "float.tif")
    with pytest.raises(ImageError, match="32-bit"):
        decode(b"Pf 2 1 -1.0\n" + bytes(8), "float.pfm")


def test_cmyk_palette_grey_and_bilevel_become_rgb(photo):
    for image, kind in (
        (photo.convert("CMYK"), "JPEG"),
        (photo.quantize(64), "PNG"),
        (photo.convert("L"), "PNG"),
        (photo.convert("1"), "PNG"),
    ):
        picture = decode(encoded(image, kind))
        assert picture.pixels.shape == (60, 80, 3)
        assert picture.pixels.dtype == np.uint8
        close = np.abs(picture.pixels.mean() - np.asarray(photo).mean())
        assert close < 12, (image.mode, close)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_put_on_white(mode):
    image = Image.new(mode, (4, 4), (0,) * len(mode))
    picture = decode(encoded(image))
    assert (picture.pixels == 255).all()
    assert "transparency on white" in picture.notes


def test_palette_transparency_is_put_on_white():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 10, 10])
    assert (decode(encoded(image, transparency=1)).pixels == 255).all()


def test_exif_rotation_is_applied(photo):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    picture = decode(encoded(photo, "JPEG", exif=exif, quality=95))
    assert picture.size == (60, 80)
    assert "turned upright as EXIF says" in picture.notes


@pytest.mark.parametrize("orientation", [0, 1, 9, 600])
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_what_turns_nothing_is_not_noted(photo, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(photo, kind, exif=exif))
    assert picture.size == (80, 60)
    assert picture.notes == ()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP", "AVIF"])
def test_every_orientation_turns_as_pillow_does(photo, kind):
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(photo, kind, exif=exif)
        with Image.open(io.BytesIO(data)) as image:
            wanted = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        picture = decode(data)
        np.testing.assert_array_equal(picture.pixels, wanted)
        assert picture.notes == ("turned upright as EXIF says",)


def test_of_an_animation_the_first_picture_is_taken(photo):
    frames = [photo.rotate(180), photo]
    data = encoded(photo, "PNG", save_all=True, append_images=frames)
    picture = decode(data)
    np.testing.assert_array_equal(picture.pixels, np.asarray(photo))
    assert "first of 3 pictures" in picture.notes


def test_a_colour_profile_is_converted(photo):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert "unusable colour profile ignored" in decode(encoded(photo, icc_profile=profile)).notes
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = decode(encoded(photo, icc_profile=srgb))
    np.testing.assert_array_equal(same.pixels, np.asarray(photo))
    broken = decode(encoded(photo, icc_profile=b"not a profile"))
    np.testing.assert_array_equal(broken.pixels, np.asarray(photo))


def profile(curve: float | None, red: tuple[int, int], name: bytes) -> bytes:
    """An RGB profile: a gamma (None: sRGB's curve), sRGB's primaries with another red, a name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(struct.unpack(">I", data[128:132])[0]):
        tag, at, _ = struct.unpack(">4sII", data[132 + 12 * number : 144 + 12 * number])
        if tag == b"rTRC" and curve is not None:  # shared by the three channels
            data[at + 8 : at + 16] = struct.pack(">HHi", 0, 0, round(curve * 65536))
        elif tag == b"rXYZ":
            x, y = struct.unpack(">ii", data[at + 8 : at + 16])
            data[at + 8 : at + 16] = struct.pack(">ii", x + red[0], y + red[1])
        elif tag == b"desc":
            text = name.ljust(8).decode().encode("utf-16-be")
            data[at + 28 : at + 28 + len(text)] = text
    return bytes(data)


def test_a_profile_counts_for_what_it_does(photo):
    linear = profile(1.0, (0, 0), b"sRGB")
    found = ImageCms.ImageCmsProfile(io.BytesIO(linear))
    assert "sRGB" in ImageCms.getProfileDescription(found)
    picture = decode(encoded(photo, icc_profile=linear))
    assert picture.notes == ("colour profile converted to sRGB",)
    values = np.asarray(photo) / 255
    wanted = np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)
    assert np.abs(picture.pixels - 255 * wanted).max() < 3
    wide = decode(encoded(photo, icc_profile=profile(None, (9000, 2000), b"sRGB")))
    assert wide.notes == ("colour profile converted to sRGB",)
    same = decode(encoded(photo, icc_profile=profile(None, (0, 0), b"Another")))
    assert same.notes == ()
    np.testing.assert_array_equal(same.pixels, np.asarray(photo))


def test_arrays(photo):
    pixels = np.asarray(photo)
    np.testing.assert_array_equal(as_picture(pixels).pixels, pixels)
    np.testing.assert_array_equal(as_picture(pixels[:, :, 0]).pixels[:, :, 2], pixels[:, :, 0])
    for wrong in (pixels.astype(float), pixels[:, :, :2], pixels[None], "nowhere.png", 3):
        with pytest.raises(ImageError):
            as_picture(wrong)


def test_conversions_round_trip(photo):
    pixels = np.asarray(photo)[None]
    batch = to_batch(pixels)
    assert batch.dtype == np.float32
    assert batch.shape == (1, 3, 60, 80)
    assert 0 <= batch.min() <= batch.max() <= 1
    np.testing.assert_array_equal(to_pixels(batch), pixels)
    assert to_pixels(batch + 2).min() == 255
    assert resize(pixels[0], 32, 32).shape == (32, 32, 3)


def test_a_written_png_has_no_metadata(photo):
    with Image.open(io.BytesIO(encode_png(np.asarray(photo)))) as image:
        assert image.info == {}
        assert not image.getexif()
