"""Any file in: handled as documented, or refused with one clear line."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from encoded_pictures import bare_png, encoded
from PIL import Image, ImageOps

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
