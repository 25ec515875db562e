"""Whatever its bits, mode, transparency and profile: a picture becomes 8-bit sRGB."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from encoded_pictures import bare_png, encoded
from PIL import Image, ImageCms

from engine.errors import ImageError
from engine.images.picture import decode


@pytest.fixture
def photo(photos):
    return Image.fromarray(photos["chelsea"][:60, :80])


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
