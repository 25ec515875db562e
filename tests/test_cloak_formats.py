"""A cloaked photo saved as the photo was: how a JPEG is saved, and what is verified of it."""

from __future__ import annotations

import io

import cloaking
import numpy as np
import pytest
import torch
from cloaking import finish
from PIL import Image

from engine.attack.transforms import jpeg, jpeg_of
from engine.cloak.judge.versions import saving_for, version
from engine.cloak.photo import cloak_photo, cloak_steps
from engine.errors import ImageError, UsageError
from engine.faces.finder import SAME
from engine.images.jpeg import LONGEST, of_quality
from engine.images.picture import Picture, decode
from engine.images.saved import reencoded

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


def saved(pixels: np.ndarray, **how) -> bytes:
    """uint8 H×W×3 or H×W as Pillow saves it."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, **({"format": "JPEG"} | how))
    return stream.getvalue()


@pytest.mark.parametrize("how", [{"quality": 61}, {"quality": 93, "subsampling": 0}])
def test_a_jpeg_saved_as_it_was_is_about_as_large_and_the_same(portrait, how):
    data = saved(portrait, **how)
    picture = decode(data)
    again = picture.saving.encode(picture.pixels)
    assert len(again) == pytest.approx(len(data), rel=0.02)
    change = np.abs(decode(again).pixels.astype(int) - picture.pixels)
    assert change.mean() < 0.5  # levels; another table would cost more
    assert decode(again).saving == picture.saving


def test_only_a_jpeg_in_grey_or_colour_has_a_way_of_saving(portrait):
    assert decode(saved(portrait, format="PNG")).saving is None
    assert decode(saved(portrait, format="WEBP")).saving is None
    cmyk = io.BytesIO()
    Image.fromarray(portrait).convert("CMYK").save(cmyk, "JPEG")
    assert decode(cmyk.getvalue()).saving is None
    grey = decode(saved(portrait[:, :, 0], quality=80))
    after = decode(grey.saving.encode(grey.pixels)).pixels
    assert (after == after[:, :, :1]).all()  # it stays black and white


def test_what_is_written_is_no_coarser_than_quality_75(portrait):
    fine, coarse = decode(saved(portrait, quality=92)).saving, of_quality(30)
    assert saving_for("same", fine) == saving_for("jpeg", fine) == fine
    assert saving_for("jpeg", coarse).tables == of_quality(75).tables
    assert saving_for("jpeg", None) == of_quality(90)
    assert saving_for("same", None) is saving_for("png", fine) is None


def test_the_arithmetic_of_the_search_is_that_of_the_tables():
    x = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    for quality in (60, 90):
        assert torch.equal(jpeg_of(*of_quality(quality).tables)(x), jpeg(quality)(x))


def test_versions_are_made_of_the_saved_file(portrait):
    saving = of_quality(80)
    file = decode(saving.encode(portrait)).pixels
    np.testing.assert_array_equal(version("png", portrait, saving), file)
    np.testing.assert_array_equal(version("jpeg75", portrait, saving), reencoded(file, "JPEG", 75))


def test_an_exact_cloak_holds_in_the_jpeg_itself(cloak, portrait):
    photo = decode(saved(portrait, quality=88))
    result = finish(cloak_steps(cloak, photo, robust=False))
    assert result.success
    assert (result.format, result.suffix) == ("jpeg", ".jpg")
    np.testing.assert_array_equal(decode(result.file).pixels, result.pixels)
    np.testing.assert_array_equal(decode(result.png).pixels, result.pixels)
    assert decode(result.file).saving == photo.saving
    (before,), (again, *_) = cloak.finder.find(photo.pixels), cloak.finder.find(result.pixels)
    moved = cloak.finder.describe(result.pixels, again) - cloak.finder.describe(
        photo.pixels, before
    )
    assert np.linalg.norm(moved) > SAME  # by dlib alone, from the JPEG's bytes
    assert result.psnr_db > 36
    with Image.open(io.BytesIO(result.file)) as image:
        assert not {"exif", "icc_profile", "comment"} & set(image.info)


def test_a_format_that_is_none_and_a_side_that_no_jpeg_has(cloak, portrait):
    with pytest.raises(UsageError, match="same, png, jpeg"):
        cloak_photo(portrait, format="gif")
    with pytest.raises(ImageError, match="65,500 pixels a side"):
        of_quality(90).encode(np.zeros((1, LONGEST + 1, 3), np.uint8))
    assert Picture(portrait).saving is None
