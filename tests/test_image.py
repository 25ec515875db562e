"""Any file in: handled as documented, or refused with one clear line."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.errors import ImageError, OutputError
from engine.image import (
    MAX_PIXELS,
    as_picture,
    decode,
    encode_png,
    open_image,
    resize,
    to_batch,
    to_pixels,
    write_files,
)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


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


def bare_png(width: int, height: int) -> bytes:
    """A PNG header that promises width×height pixels and holds almost none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 64))
        + chunk(b"IEND", b"")
    )


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


def test_floating_point_is_refused():
    data = encoded(Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)), "TIFF")
    with pytest.raises(ImageError, match="32-bit"):
        decode(data, "float.tif")


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


def test_all_files_or_none(tmp_path):
    wall = tmp_path / "wall"
    wall.write_text("a file where a folder is needed")
    with pytest.raises(OutputError):
        write_files({tmp_path / "a.png": b"1", wall / "b.png": b"2"})
    assert [path.name for path in tmp_path.iterdir()] == ["wall"]
