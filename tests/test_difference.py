"""The amplified difference of two pictures, and pictures made to fit."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import UsageError
from engine.images.difference import amplified
from engine.images.fit import fitted
from engine.images.picture import Picture


def test_no_change_is_grey_and_a_change_is_its_gain():
    original = np.full((4, 5, 3), 100, np.uint8)
    changed = original.copy()
    changed[0, 0], changed[1, 1] = (103, 100, 98), (100, 255, 0)
    seen = amplified(original, changed, 8)
    assert seen.dtype == np.uint8
    assert seen[0, 0].tolist() == [128 + 24, 128, 128 - 16]
    assert seen[1, 1].tolist() == [128, 255, 0]  # clipped, not wrapped round
    seen[0, 0] = seen[1, 1] = 128
    assert (seen == 128).all()


def test_pictures_of_two_sizes_have_no_difference():
    with pytest.raises(UsageError, match="5×4 and 4×4"):
        amplified(np.zeros((4, 5, 3), np.uint8), np.zeros((4, 4, 3), np.uint8), 1)


def test_a_large_picture_is_shrunk_in_its_shape_and_says_so(photos):
    picture = Picture(photos["rocket"], ("turned upright as EXIF says",))
    assert fitted(picture, 640 * 427) is picture
    small = fitted(picture, 10_000)
    width, height = small.size
    assert 9_500 < width * height <= 10_000
    assert width / height == pytest.approx(640 / 427, rel=0.02)
    assert small.notes == (*picture.notes, f"shrunk from 640×427 to {width}×{height}")
