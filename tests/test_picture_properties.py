"""What holds of every picture, name and text, by examples that Hypothesis chooses."""

from __future__ import annotations

import io

import fuzz
import numpy as np
import pytest
from hostile_pictures import corpus
from PIL import Image

from engine.batch.collection import LONGEST, collect
from engine.errors import ImageError, printable
from engine.images.picture import decode, encode_png

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

# The same examples every time; a slow machine is no fault.
steady = settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=list(HealthCheck),
)
sides = some.integers(1, 20)
HEADS = sorted({data[:16] for data in corpus().values()})


def pixels(channels: int):
    return some.tuples(sides, sides).flatmap(lambda size: arrays(np.uint8, (*size, channels)))


def decoded(array: np.ndarray, kind: str, **options) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind, **options)
    return decode(stream.getvalue()).pixels


@steady
@given(pixels(3), some.sampled_from(["PNG", "BMP", "PPM", "TIFF", "WEBP"]))
def test_what_a_lossless_file_holds_is_what_is_read(array, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(decoded(array, kind, **options), array)


@steady
@given(pixels(3))
def test_what_is_written_is_what_is_read(array):
    for quick in (False, True):
        np.testing.assert_array_equal(decode(encode_png(array, quick=quick)).pixels, array)


@steady
@given(pixels(4))
def test_transparent_pixels_are_white_and_opaque_ones_as_they_are(array):
    array[..., 3] = np.where(array[..., 3] < 128, 0, 255)
    shown = decoded(array, "PNG")
    clear = array[..., 3] == 0
    assert (shown[clear] == 255).all()
    np.testing.assert_array_equal(shown[~clear], array[..., :3][~clear])


@steady
@given(some.sampled_from(HEADS), some.binary(max_size=300))
def test_anything_behind_the_beginning_of_a_picture_is_one_or_is_refused(head, rest):
    assert fuzz.open_one(head + rest) is None


@steady
@given(some.sampled_from(list(corpus())), some.data())
def test_a_picture_that_is_cut_anywhere_is_itself_or_is_refused(name, data):
    """What is lost is never made up, but for the rows that a note names."""
    whole = corpus()[name]
    end = data.draw(some.integers(0, len(whole)))
    try:
        picture = decode(whole[:end])
    except ImageError:
        return
    if not any("end marker missing, so" in note for note in picture.notes):
        np.testing.assert_array_equal(picture.pixels, decode(whole).pixels)


@steady
@given(some.lists(some.text("aA-2.é/", min_size=1, max_size=9), max_size=12))
def test_no_two_pictures_have_results_of_one_name(names):
    stems = [item.stem for item in collect([f"x{name}.png" for name in names]).items]
    assert len({stem.casefold() for stem in stems}) == len(names)
    assert all(len(stem.encode()) <= LONGEST for stem in stems)


@steady
@given(some.text())
def test_any_text_becomes_one_line(text):
    line = printable(text)
    assert line.isprintable()
    assert printable(line) == line
