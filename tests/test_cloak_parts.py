"""Of a photo only the part around its faces is searched, seen by the eye and changed."""

from __future__ import annotations

import cloaking
import numpy as np
import pytest
from cloaking import finish, simple_eye

from engine.cloak.face import Cloak
from engine.cloak.photo import beyond_share, cloak_steps
from engine.cloak.threshold import NEARBY, ThresholdMap
from engine.images.parts import equally_large, region
from engine.metrics.quality import beyond

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


def test_the_eye_looks_once_and_not_when_it_is_late(portrait):
    looked = []

    def counted(pixels):
        looked.append(pixels.shape)
        return simple_eye(pixels)

    cloak = Cloak(counted)
    assert not finish(cloak_steps(cloak, portrait, robust=False, max_seconds=0)).success
    assert looked == []
    assert finish(cloak_steps(cloak, portrait, robust=False)).success
    assert looked == [portrait.shape]


def test_of_a_huge_photo_the_eye_looks_around_the_part_only():
    looked = []

    def counted(pixels):
        looked.append(pixels.shape)
        return pixels.astype(np.float32)

    pixels = np.random.default_rng(1).integers(0, 255, (1200, 1500, 3), np.uint8)
    threshold = ThresholdMap(counted, pixels)
    np.testing.assert_array_equal(threshold.part((600, 500, 800, 700)), pixels[500:700, 600:800])
    threshold.part((610, 500, 700, 640))
    threshold.part((590, 490, 790, 690))  # a later attempt's part
    assert looked == [(200 + 2 * NEARBY, 200 + 2 * NEARBY, 3)]
    after = pixels.copy()
    after[500:600, 600:700] ^= 128
    small = beyond_share(pixels, after, threshold)
    assert small == pytest.approx(beyond(pixels, after, pixels.astype(np.float32)))
    assert beyond_share(pixels, pixels, threshold) == 0


def test_parts_of_photos_are_equally_large_and_on_the_grid():
    box = region([(40, 50, 150, 160)], 250, 250, 32)
    assert box == (32, 32, 160, 192)
    boxes = [(32, 32, 224, 192), (96, 0, 250, 160)]
    assert equally_large(boxes, 250, 250, 32) == [(0, 0, 250, 250)] * 2
    grown = equally_large([(10, 10, 100, 100), (200, 180, 250, 250)], 250, 250, 1)
    assert grown == [(10, 10, 100, 100), (160, 160, 250, 250)]


def test_of_a_large_photo_only_the_face_is_changed(cloak, portrait):
    canvas = np.full((1100, 1300, 3), 128, np.uint8)
    canvas[400:656, 700:956] = portrait
    result = finish(cloak_steps(cloak, canvas, robust=False))
    assert result.success
    rows, columns = (result.pixels != canvas).any(2).nonzero()
    assert 400 <= rows.min() <= rows.max() < 656
    assert 700 <= columns.min() <= columns.max() < 956
