"""HEIC, the phones' default: read like the others where pillow-heif is installed."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.errors import ImageError
from engine.images.picture import decode


def heic(image: Image.Image, *others: Image.Image, exif: Image.Exif | None = None) -> bytes:
    """As phones write it: HEVC, turned by the container."""
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_pillow(image)
    if exif is not None:  # on the finished entry: pillow-heif turns what it is given
        file[0].info["exif"] = exif.tobytes()
    for other in others:
        file.add_from_pillow(other)
    stream = io.BytesIO()
    file.save(stream, quality=90)
    return stream.getvalue()


@pytest.fixture(scope="module")
def photo(photos) -> Image.Image:
    return Image.fromarray(photos["chelsea"][:128, :192])


def far(picture, image: Image.Image) -> float:
    """Mean difference in levels."""
    return np.abs(picture.pixels.astype(int) - np.asarray(image.convert("RGB"))).mean()


def test_a_heic_is_read(photo):
    picture = decode(heic(photo))
    assert picture.size == photo.size
    assert picture.notes == ()
    assert far(picture, photo) < 4


def test_it_is_turned_once(photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(heic(photo, exif=exif))
    assert picture.size == (128, 192)
    assert picture.notes == ("turned upright as EXIF says",)
    assert far(picture, photo.transpose(Image.Transpose.ROTATE_270)) < 4


def test_its_colours_its_alpha_and_its_other_pictures(photo):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    wide = photo.copy()
    wide.info["icc_profile"] = lab
    assert "unusable colour profile ignored" in decode(heic(wide)).notes
    clear = photo.convert("RGBA")
    clear.putalpha(0)
    assert (decode(heic(clear)).pixels > 250).all()
    several = decode(heic(photo, photo.rotate(180)))
    assert several.notes == ("first of 2 pictures",)
    assert far(several, photo) < 4


def test_a_bad_heic_is_refused(photo):
    data = heic(photo)
    with pytest.raises(ImageError, match=r"damaged|not a picture"):
        decode(data[: len(data) // 2])
    size = data.replace(struct.pack(">II", *photo.size), struct.pack(">II", 8944, 8944))
    with pytest.raises(ImageError, match="the limit is 50,000,000"):
        decode(size)


def test_without_pillow_heif_the_remedy_is_named(photo, monkeypatch):
    data = heic(photo)
    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
    with pytest.raises(ImageError, match=r"IMG_1.HEIC is a HEIC picture: install pillow-heif"):
        decode(data, "IMG_1.HEIC")
