"""The engine's machine JND: what it promises holds on real pictures with the embedded weights."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from engine import machine_jnd
from engine.errors import UsageError
from engine.images.picture import to_batch, to_pixels
from engine.machine.homogeneity import largest_scale
from engine.machine.jnd import MachineJND, load
from engine.metrics.quality import psnr
from engine.models.registry import GENERATORS, MODELS


@pytest.fixture(scope="module")
def machine() -> MachineJND:
    return load(None, "cpu")


def test_two_lines_of_python(photos):
    result = machine_jnd(photos["chelsea"], panel="cifar10", device="cpu")
    assert result.verified
    assert result.rca == 1
    assert result.size == (451, 300)
    assert result.panel_size == (32, 32)
    assert any("resized from 451×300" in note for note in result.notes)
    assert [label.classifier for label in result.labels] == ["alexnet", "vgg", "resnet", "densenet"]
    for label in result.labels:
        assert label.before == label.after
        assert 0.1 <= label.confidence_before <= 1


def test_a_greater_strength_changes_more(crops, machine):
    logits, cams = machine.panel.predict(crops)
    noise = []
    for strength in (0.2, 0.6, 1.0, 1.6):
        change = machine.generator.change(crops, logits, cams, strength)
        noise.append(psnr(to_batch(to_pixels(to_batch(crops) + change)) - to_batch(crops)).mean())
    assert noise == sorted(noise, reverse=True)
    assert noise[0] - noise[-1] > 6


@pytest.mark.parametrize(
    "name", [name for name, model in GENERATORS.items() if MODELS[model].sha256]
)
def test_every_generator_gives_a_verified_result(name, photos):
    result = machine_jnd(photos["coffee"], panel="cifar10", generator=name, device="cpu")
    assert result.verified
    assert result.rca == 1


def test_the_png_is_what_was_verified(machine, photos):
    result = machine(photos["rocket"])
    with Image.open(io.BytesIO(result.png)) as image:
        assert image.info == {}
        pixels = np.asarray(image)
    np.testing.assert_array_equal(pixels, result.distorted)
    before = machine.panel.predict_labels(result.original[None])
    np.testing.assert_array_equal(machine.panel.predict_labels(pixels[None]), before)


def test_numbers_are_those_of_the_pictures(machine, photos):
    result = machine(photos["coffee"])
    expected = peak_signal_noise_ratio(result.original, result.distorted, data_range=255)
    assert result.psnr_db == pytest.approx(expected, abs=1e-4)
    rms = float(np.sqrt(np.square(result.change, dtype=float).mean()))
    assert result.psnr_unclipped_db == pytest.approx(-20 * np.log10(rms), abs=1e-4)
    changed = (result.original != result.distorted).any(2).mean()
    assert result.changed_share == pytest.approx(changed)
    distorted = to_pixels(to_batch(result.original[None]) + result.change.transpose(2, 0, 1)[None])
    np.testing.assert_array_equal(distorted[0], result.distorted)


def test_grey_means_no_change(machine, photos):
    result = machine(photos["coffee"])
    unchanged = replace(result, change=np.zeros_like(result.change))
    assert (unchanged.jnd_map == 128).all()
    extremes = replace(result, change=np.array([[[-0.5, 0.0, 0.5]]], np.float32))
    assert extremes.jnd_map.tolist() == [[[1, 128, 255]]]
    assert 0 <= result.cam.min() <= result.cam.max() <= 1


def test_verified_keeps_every_label_of_every_picture(machine, crops):
    logits, cams = machine.panel.predict(crops)
    labels = logits.argmax(2)
    change = machine.generator.change(crops, logits, cams)
    scale, distorted = largest_scale(machine.panel.predict_labels, crops, change, labels)
    np.testing.assert_array_equal(machine.panel.predict_labels(distorted), labels)
    assert ((scale >= 0) & (scale <= 1)).all()
    np.testing.assert_array_equal(distorted[scale == 0], crops[scale == 0])
    full = to_pixels(to_batch(crops) + change)
    holds = (machine.panel.predict_labels(full) == labels).all(1)
    np.testing.assert_array_equal(scale == 1, holds)


@pytest.mark.parametrize("generator", ["conditioned", "merged"])
def test_further_runs_only_make_the_change_stronger(generator):
    machine = MachineJND(device="cpu", generator=generator)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)
    pixels = pixels.repeat(4, 1).repeat(4, 2)  # patches: the panel hardly agrees on any
    logits, cams = machine.panel.predict(pixels)
    labels = logits.argmax(2)
    once = machine.generator.change(pixels, logits, cams)
    _, first = largest_scale(machine.panel.predict_labels, pixels, once, labels)
    change, scale, distorted = machine.strongest(pixels, logits, cams)
    np.testing.assert_array_equal(machine.panel.predict_labels(distorted), labels)
    weakened = change * scale[:, None, None, None].astype(np.float32)
    np.testing.assert_array_equal(distorted, to_pixels(to_batch(pixels) + weakened))
    before, after = (psnr(to_batch(d) - to_batch(pixels)) for d in (first, distorted))
    assert (after <= before).all()
    assert (after < before).any()


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (255, 1.0),  # never flips
        (9 * 20 + 1, 1.0),
        (5 * 20 + 1, 5 / 9),
        (5 * 20 + 11, 5 / 9 + 1 / 18),
        (5 * 20 + 16, 5 / 9 + 1 / 18 + 1 / 36),
        (5 * 20 + 6, 5 / 9 + 1 / 36),
        (11, 1 / 18),
        (1, 0.0),  # less than 1/72 of the change already flips
    ],
)
def test_the_scale_is_the_largest_that_holds(limit, expected):
    pixels = np.zeros((1, 4, 4, 3), np.uint8)
    change = np.full((1, 3, 4, 4), 180 / 255, np.float32)  # 20 levels per ninth

    def predict_labels(pixels):
        """Of a panel of one: class 1 where the first pixel is brighter than the limit."""
        return (pixels[:, 0, 0, :1] > limit).astype(np.int64)

    labels = np.zeros((1, 1), np.int64)
    scale, distorted = largest_scale(predict_labels, pixels, change, labels)
    assert scale[0] == pytest.approx(expected)
    assert distorted[0, 0, 0, 0] == round(180 * expected)


def test_pictures_of_the_panels_size_are_taken_as_they_are(machine, crops):
    result = machine(crops[0])
    np.testing.assert_array_equal(result.original, crops[0])
    assert result.notes == ()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((32, 32, 3), 255, np.uint8),
        np.full((3, 400, 3), 90, np.uint8),
        np.zeros((50, 40), np.uint8),
    ],
    ids=["one pixel", "white", "ribbon", "grey"],
)
def test_strange_pictures_are_answered(machine, pixels):
    result = machine(pixels)
    assert result.verified
    assert np.isfinite(result.change).all()
    assert np.isfinite(result.cam).all()


def test_psnr_of_no_change_is_infinite():
    values = psnr(np.stack([np.zeros((3, 4, 4)), np.full((3, 4, 4), 0.1)]))
    assert values[0] == np.inf
    assert values[1] == pytest.approx(20)


def test_only_the_chosen_classifiers_must_keep_their_label(crops, machine):
    found = None
    for crop in crops:
        whole = machine(crop, strength=1.8)
        if whole.scale < 1:
            one = min(whole.labels, key=lambda label: label.confidence_after).classifier
            others = tuple(name for name in machine.panel.classifiers if name != one)
            found = machine(crop, strength=1.8, members=others)
            assert found.scale >= whole.scale
            assert found.members == others
            assert found.verified
            kept = {label.classifier: label.before == label.after for label in found.labels}
            assert all(kept[name] for name in others)
            if found.scale > whole.scale:
                break
    assert found is not None
    assert found.scale > whole.scale
    assert not kept[one]
    assert found.rca == 0.75


@pytest.mark.parametrize("members", [(), ("lenet",), ("vgg", "lenet")])
def test_unknown_classifiers_are_refused(photos, machine, members):
    with pytest.raises(UsageError, match="choose one or more of alexnet, vgg"):
        machine(photos["coffee"], members=members)
