"""The classical models of the human JND: hand-computed answers, properties, odd pictures."""

from __future__ import annotations

import numpy as np
import pytest

from engine import human_jnd
from engine.errors import ImageError, UsageError, WeightsError
from engine.human import HUMAN_MODELS, thresholds
from engine.human.classical import namm
from engine.human.gradients import edge_weight, largest_gradient
from engine.human.injection import inject, level_for_psnr, signs
from engine.human.learned import HvsSd
from engine.human.luminance import BLUE, RED, WINDOW, background, luma, luminance_adaptation
from engine.human.pattern import (
    CHANNEL_WEIGHTS,
    luminance_contrast,
    orientation_bins,
    pattern_complexity,
)
from engine.human.prediction import DISORDER_GAIN, predicted
from engine.metrics.quality import psnr_8bit

CLASSICAL = [name for name, row in HUMAN_MODELS.items() if not row.learned]
GREY = [name for name in CLASSICAL if name not in ("yang2005", "rgb2022")]


@pytest.fixture(scope="module")
def cat(photos):
    return photos["chelsea"][60:220, 100:300]


def flat(value: int, height: int = 12, width: int = 15) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def adaptation(bg: float) -> float:
    """LA written out once more, for one background."""
    return 17 * (1 - (bg / 127) ** 0.5) + 3 if bg <= 127 else 3 / 128 * (bg - 127) + 3


@pytest.mark.parametrize(("bg", "level"), [(0, 20), (31.75, 11.5), (127, 3), (255, 6)])
def test_luminance_adaptation_at_hand_computed_backgrounds(bg, level):
    assert luminance_adaptation(np.array([[bg]], np.float32)) == pytest.approx(level, abs=1e-5)


def test_the_background_leaves_the_pixel_out_and_reflects_at_the_border():
    assert WINDOW.sum() == pytest.approx(1)
    plane = np.zeros((9, 9), np.float32)
    plane[4, 4] = 32
    bg = background(plane)
    assert bg[4, 4] == 0
    assert bg[4, 5] == bg[3, 3] == 2
    assert bg[2, 6] == 1
    assert background(np.full((1, 1), 77, np.float32)) == pytest.approx(77)


def test_a_step_has_a_gradient_of_its_height():
    plane = np.full((9, 10), 100, np.float32)
    plane[:, 5:] = 164
    gradient = largest_gradient(plane)
    np.testing.assert_allclose(gradient[4], [0, 0, 0, *gradient[4, 3:7], 0, 0, 0])
    assert gradient[4, 4] == gradient[4, 5] == 64
    assert largest_gradient(plane.T)[4, 4] == 64


def test_chou_at_a_hand_computed_step():
    pixels = flat(100, 9, 10)
    pixels[:, 5:] = 164
    bg = 100 + 64 * 13 / 32  # the two columns to the right have 8 + 5 of the 32
    masking = 64 * (1e-4 * bg + 0.115) + 0.5 - 0.01 * bg
    found = thresholds(pixels, "chou1995")
    assert found[4, 4] == pytest.approx([masking] * 3, abs=1e-3)
    assert found[4, 0] == pytest.approx([adaptation(100)] * 3, abs=1e-4)


@pytest.mark.parametrize("value", [0, 64, 127, 200, 255])
def test_on_a_flat_picture_only_the_adaptation_is_left(value):
    level = adaptation(value)
    for name in GREY:
        assert thresholds(flat(value), name) == pytest.approx(level, abs=1e-3), name
    weighted = level * CHANNEL_WEIGHTS
    assert thresholds(flat(value), "rgb2022")[3, 3] == pytest.approx(weighted, abs=1e-3)
    yang = thresholds(flat(value), "yang2005")[3, 3]
    assert yang[0] == pytest.approx(level * (1 + RED**2) ** 0.5, abs=2e-3)
    assert yang[2] == pytest.approx(level * (1 + BLUE**2) ** 0.5, abs=2e-3)


def test_namm_by_hand():
    assert namm(np.float32(10), np.float32(4)) == pytest.approx(10 + 4 - 0.3 * 4)
    assert namm(np.float32(10), np.float32(4), 0.25) == pytest.approx(13)


def test_canny_edges_weigh_a_tenth_and_flat_ground_all():
    plane = np.full((40, 40), 50, np.float32)
    assert (edge_weight(plane) == 1).all()
    plane[:, 20:] = 200
    weight = edge_weight(plane)
    assert weight[20, 5] == pytest.approx(1)
    assert weight[20, 18:22].min() < 0.6
    assert weight.min() >= 0.1 - 1e-6


def test_pattern_complexity_counts_orientations():
    plane = np.full((20, 20), 100, np.float32)
    assert (pattern_complexity(plane) == 1).all()
    plane[:, 10:] = 160
    assert set(np.unique(orientation_bins(plane))) == {0, 15}  # the step, and none
    # Edge columns 9 and 10 see themselves and smooth ground: 2; blurred by (w, 1 - 2w, w).
    weight = np.exp(-0.5) / (1 + 2 * np.exp(-0.5))
    assert pattern_complexity(plane)[5, 9] == pytest.approx(2 * (1 - weight) + weight, abs=1e-5)
    noisy = np.random.default_rng(0).uniform(0, 255, (30, 30)).astype(np.float32)
    assert pattern_complexity(noisy).mean() > 4


def test_luminance_contrast_is_the_standard_deviation():
    plane = np.random.default_rng(1).uniform(0, 255, (9, 9)).astype(np.float32)
    assert luminance_contrast(plane)[4, 4] == pytest.approx(plane[2:7, 2:7].std(), rel=1e-4)
    assert (luminance_contrast(np.full((5, 5), 255, np.float32)) == 0).all()


def test_prediction_is_exact_on_repetition_and_fails_on_noise():
    stripes = np.tile(np.array([20, 90, 200, 90], np.float32), (24, 6))
    np.testing.assert_allclose(predicted(stripes), stripes, atol=0.5)
    noise = np.random.default_rng(2).uniform(0, 255, (24, 24)).astype(np.float32)
    assert np.abs(predicted(noise) - noise).mean() > 20


def test_prediction_against_a_plain_loop():
    plane = np.random.default_rng(5).uniform(90, 130, (18, 21)).astype(np.float32)
    padded = np.pad(plane, 11, mode="symmetric")
    row, column = 7 + 11, 4 + 11
    own = padded[row - 1 : row + 2, column - 1 : column + 2]
    total = weights = 0.0
    for dy in range(-5, 6):
        for dx in range(-5, 6):
            if (dy, dx) == (0, 0):
                continue
            y, x = row + dy, column + dx
            distance = ((padded[y - 1 : y + 2, x - 1 : x + 2] - own) ** 2).mean()
            weights += (weight := np.exp(-distance / 100))
            total += weight * padded[y, x]
    assert predicted(plane)[7, 4] == pytest.approx(total / weights, rel=1e-5)


def test_wu2013_adds_the_disorder():
    pixels = flat(127, 25, 25)
    pixels[12, 12] = 187
    found = thresholds(pixels, "wu2013")[12, 12, 0]
    assert found > DISORDER_GAIN * 55


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_brighter_than_middle_background_raises_the_threshold(name):
    values = [thresholds(flat(value), name).mean() for value in (127, 160, 200, 255)]
    assert values == sorted(values)
    assert values[-1] > values[0]


@pytest.mark.parametrize("name", CLASSICAL)
def test_texture_raises_the_threshold(name):
    noise = np.random.default_rng(3).integers(-40, 41, (64, 64, 1))
    texture = (127 + np.repeat(noise, 3, 2)).astype(np.uint8)
    assert thresholds(texture, name).mean() > 1.1 * thresholds(flat(127), name).mean()


@pytest.mark.parametrize("name", CLASSICAL)
def test_flipping_the_picture_flips_the_thresholds(name, cat):
    plain = thresholds(cat, name)
    for axis in (0, 1):
        flipped = np.flip(thresholds(np.ascontiguousarray(np.flip(cat, axis)), name), axis)
        # Ties of orientations, and TV's one-sided differences, may fall the other way.
        assert np.abs(flipped - plain).mean() < 0.01 * plain.mean()


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (5, 3), (1, 400), (400, 1), (3, 300)])
def test_odd_pictures_have_finite_thresholds(name, size):
    random = np.random.default_rng(4)
    for pixels in (
        flat(0, *size),
        flat(255, *size),
        random.choice(np.array([0, 255], np.uint8), (*size, 3)),
    ):
        found = thresholds(pixels, name)
        assert found.shape == pixels.shape
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert (found >= 0).all()


def test_yang_and_rgb_treat_the_channels_differently(cat):
    yang = thresholds(cat, "yang2005").mean((0, 1))
    weighted = thresholds(cat, "rgb2022").mean((0, 1))
    for red, green, blue in (yang, weighted):
        assert green < red < blue
    base = thresholds(cat, "wu2017").mean()
    luma_change = weighted @ np.array([0.299, 0.587, 0.114])
    assert luma_change == pytest.approx(base, rel=1e-4)


def test_human_jnd_takes_what_machine_jnd_takes(cat, tmp_path):
    from PIL import Image

    Image.fromarray(cat).save(tmp_path / "cat.png")
    found = human_jnd(tmp_path / "cat.png", model="chou1995")
    np.testing.assert_array_equal(found, human_jnd(cat, "chou1995"))
    assert human_jnd(cat[:, :, 0], "chou1995").shape == cat.shape
    with pytest.raises(UsageError, match=r"no model 'weber'.*chou1995"):
        human_jnd(cat, "weber")
    with pytest.raises(ImageError, match="float"):
        human_jnd(cat.astype(float), "chou1995")


def test_a_learned_model_without_weights_says_that_it_is_not_trained(cat, monkeypatch):
    from dataclasses import replace

    from engine.human import learned
    from engine.models.registry import HUMAN, MODELS

    monkeypatch.setitem(MODELS, HUMAN, replace(MODELS[HUMAN], sha256=""))
    learned.load.cache_clear()
    with pytest.raises(WeightsError, match="hvs-sd is not trained yet"):
        human_jnd(cat, "hvs-sd")


def test_noise_has_the_threshold_s_size_and_a_sign_for_all_channels():
    pixels, jnd = flat(100, 64, 64), np.full((64, 64, 3), 5.0, np.float32)
    noisy = inject(pixels, jnd, 2.0, seed=3).astype(int)
    assert set(np.unique(noisy)) == {90, 110}
    assert (noisy == noisy[:, :, :1]).all()
    np.testing.assert_array_equal(inject(pixels, jnd, 2.0, seed=3), noisy)
    assert (inject(pixels, jnd, 2.0, seed=4) != noisy).any()
    assert abs(signs(64, 64, 0).mean()) < 0.05
    assert inject(flat(0), jnd[:12, :15]).min() == 0  # clipped, never wrapped
    assert inject(flat(255), jnd[:12, :15]).max() == 255


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("psnr_db", [20.0, 26.65, 35.0])
def test_a_level_is_found_for_a_psnr(name, psnr_db, cat):
    jnd = thresholds(cat, name)
    level = level_for_psnr(cat, jnd, psnr_db, seed=1)
    assert psnr_8bit(cat, inject(cat, jnd, level, seed=1)) == pytest.approx(psnr_db, abs=0.02)


def test_a_psnr_out_of_reach_names_the_limit():
    pixels = flat(128)
    with pytest.raises(UsageError, match=r"reaches 6\.\d\d dB at the most"):
        level_for_psnr(pixels, np.ones(pixels.shape, np.float32), 1.0)
    with pytest.raises(UsageError, match="no change"):
        level_for_psnr(pixels, np.zeros(pixels.shape, np.float32), 30.0)


def test_luma_is_bt601():
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert luma(pixels)[0] == pytest.approx(255 * np.array([0.299, 0.587, 0.114]), rel=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2), (37, 53)])
def test_the_learned_model_that_ships_takes_odd_pictures(size):
    for value in (0, 128, 255):
        found = human_jnd(np.full((*size, 3), value, np.uint8), "hvs-sd")
        assert found.shape == (*size, 3)
        assert np.isfinite(found).all()
        assert (found > 0).all()
        assert found.max() <= 255


def test_the_learned_model_that_ships_has_no_seams_and_favours_blue(cat):
    whole = HvsSd(device="cpu")(cat)
    np.testing.assert_allclose(HvsSd(device="cpu", tile=64)(cat), whole, atol=1e-2)
    red, green, blue = whole.mean((0, 1))
    assert green < red < blue < 5 * green


@pytest.mark.parametrize("width", [96, 97, 98, 99])
@pytest.mark.parametrize("tile", [512, 32])
def test_the_learned_model_of_a_mirrored_picture_is_the_mirrored_threshold(width, tile, cat):
    model = HvsSd(device="cpu", tile=tile)
    pixels = np.ascontiguousarray(cat[:70, :width])
    plain = model(pixels)
    mirrored = model(np.ascontiguousarray(pixels[:, ::-1]))[:, ::-1]
    assert np.abs(mirrored - plain).max() < 1e-3 * plain.mean()


def test_the_graph_that_ships_is_of_the_version_that_the_code_declares():
    from engine.networks.hvs import VERSION

    contract = HvsSd(device="cpu").session.contract
    assert contract["version"] == contract["calibration"]["version"] == VERSION
