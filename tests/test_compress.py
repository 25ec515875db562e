"""The smallest file that a panel still understands: verified, without metadata, or the original."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from onnx_models import (
    brightness,
    classifier,
    coffee,  # noqa: F401  a fixture
    label,
    write,
)
from PIL import Image

from engine import UsageError, compress_photo
from engine.compress import names
from engine.compress.formats import FORMATS, Setting, decoded
from engine.compress.methods.bisect import bisect, ceiling, plain, sizes
from engine.compress.methods.rows import METHODS
from engine.compress.photo import within
from engine.compress.trials import Trials
from engine.errors import ImageError, SetupError
from engine.images.picture import decode, encode_png

WRITTEN = ("jpeg", "webp", "avif")


class Threshold:
    """Stands for `Kept`: a picture holds where a rule of its pixels says so."""

    def __init__(self, rule):
        self.rule, self.asked = rule, 0

    def holds(self, pixels: np.ndarray) -> bool:
        self.asked += 1
        return self.rule(pixels)


def searched(rule, pixels: np.ndarray, format: str = "jpeg", resize: bool = False) -> Trials:
    trials = Trials(Threshold(rule), pixels, FORMATS[format])
    shares = [step.share for steps in (plain(trials), bisect(trials, resize)) for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] < 1
    return trials


def returned(work):
    """What a generator returns at its end."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def error_of(pixels: np.ndarray, decoded: np.ndarray) -> float:
    return float(np.abs(pixels.astype(float) - decoded).mean())


# --- the search ---


def test_the_lowest_quality_of_a_monotonic_panel(coffee):  # noqa: F811
    def rule(picture):
        return error_of(coffee, picture) < 4

    trials = searched(rule, coffee)
    settings = [Setting(quality, "4:2:0", trials.size) for quality in range(1, 101)]
    held = [each for each in settings if rule(decoded(trials.files(each)[0]))]
    assert trials.plain == trials.files(held[0])[0]
    assert not trials.plain.settings["progressive"]
    assert len(trials.best.data) <= len(trials.plain.data)
    assert rule(decoded(trials.best))


def test_a_lower_quality_may_hold_where_a_higher_does_not(coffee):  # noqa: F811
    """All from 30 on, and 27: bisection ends at 30, and some below are tried."""

    def webp(quality):
        return decoded(FORMATS["webp"].encode(coffee, Setting(quality, "4:2:0", (300, 200)))[0])

    limit, lower = error_of(coffee, webp(30)), webp(27)
    assert error_of(coffee, lower) > limit

    def rule(picture):
        return error_of(coffee, picture) <= limit or np.array_equal(picture, lower)

    assert searched(rule, coffee, "webp").plain.settings["quality"] == 27


def test_the_smallest_verified_file_wins(coffee):  # noqa: F811
    """Of all that were tried and hold none is smaller; colours do not count here: they go."""
    luma = np.float64([0.299, 0.587, 0.114])

    def rule(picture):
        return error_of(coffee @ luma, picture @ luma) < 3

    trials = searched(rule, coffee)
    held = [
        file
        for files in trials._files.values()
        for file in files
        if trials._verdicts.get(setting_of(file)) and rule(decoded(file))
    ]
    assert len(trials.best.data) == min(len(file.data) for file in held)
    assert len(trials.best.data) < len(trials.plain.data)
    assert trials.best.settings["subsampling"] == "4:0:0"


def setting_of(file):
    settings = file.settings
    return Setting(settings["quality"], settings["subsampling"], tuple(settings["size"]))


def test_both_ways_to_write_a_jpeg_have_the_same_pixels(coffee):  # noqa: F811
    baseline, progressive = FORMATS["jpeg"].encode(coffee, Setting(90, "4:2:0", (300, 200)))
    assert np.array_equal(decoded(baseline), decoded(progressive))
    with Image.open(io.BytesIO(progressive.data)) as image:
        assert image.info["progressive"]
    assert len(progressive.data) != len(baseline.data)


def test_where_nothing_holds_there_is_no_file(coffee):  # noqa: F811
    trials = searched(lambda _: False, coffee)
    assert trials.best is None
    assert trials.plain is None


@pytest.mark.parametrize("quality", [1, 30, 100])
def test_the_ceiling_is_the_highest_quality_with_fewer_bytes(coffee, quality):  # noqa: F811
    trials = Trials(Threshold(lambda _: True), coffee, FORMATS["jpeg"])
    trials.holds(Setting(quality, "4:2:0", trials.size))
    highest = returned(ceiling(trials, "4:4:4", (150, 100)))
    fits = [
        each
        for each in range(1, 101)
        if trials.smallest(Setting(each, "4:4:4", (150, 100))) < trials.bytes
    ]
    assert highest == (max(fits) if fits else 0)


def test_a_lower_resolution_makes_a_smaller_file(coffee):  # noqa: F811
    mean = coffee.mean()
    rule = lambda picture: abs(picture.mean() - mean) < 2  # noqa: E731
    same, lower = searched(rule, coffee), searched(rule, coffee, resize=True)
    assert same.best.settings["size"] == [300, 200]
    assert lower.bytes < same.bytes
    width, height = lower.best.settings["size"]
    assert decoded(lower.best).shape == (height, width, 3)
    assert width < 300


def test_resolutions_shrink_and_keep_the_aspect():
    found = [(4000, 3000), *sizes((4000, 3000))]
    assert all(wide[0] > narrow[0] and wide[1] > narrow[1] for wide, narrow in pairwise(found))
    assert all(abs(width / height - 4 / 3) < 0.05 for width, height in found)
    assert found[1] == (2000, 1500)
    assert min(found[-1]) >= 16
    assert list(sizes((16, 16))) == []


# --- what is kept ---


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize("kind", ["RGB", "wide"])
def test_a_file_is_what_a_reader_sees(format, kind, tmp_path, coffee):  # noqa: F811
    model = write(tmp_path / "a.onnx", classifier())
    pixels = coffee if kind == "RGB" else coffee[:1, :41]
    result = compress_photo(pixels, format=format, panel=model, device="cpu")
    reread = np.asarray(Image.open(io.BytesIO(result.data)).convert("RGB"))
    assert np.array_equal(reread, result.pixels)
    assert label(model, reread, 32) == label(model, pixels, 32)
    assert result.verified
    assert result.unchanged == (len(result.data) >= result.bytes_before)


def test_several_classifiers_all_keep_their_label(tmp_path, coffee):  # noqa: F811
    models = [write(tmp_path / f"{seed}.onnx", classifier(seed=seed)) for seed in (1, 2, 3)]
    result = compress_photo(coffee, panel=models, device="cpu")
    assert all(each.same for each in result.labels)
    assert len(result.labels) == 3
    for model in models:
        assert label(model, result.pixels, 32) == label(model, coffee, 32)


def test_a_picture_turned_by_exif_counts_as_it_is_seen(tmp_path, coffee):  # noqa: F811
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret"
    Image.fromarray(coffee).save(path, exif=exif, quality=95)
    model = write(tmp_path / "a.onnx", classifier())
    result = compress_photo(path, panel=model, device="cpu")
    assert result.original.shape == (300, 200, 3)
    assert label(model, result.pixels, 32) == label(model, decode(path.read_bytes()).pixels, 32)
    assert not result.unchanged
    assert b"secret" not in result.data
    assert b"Exif" not in result.data
    assert result.bytes_before == path.stat().st_size


def test_a_picture_that_cannot_be_made_smaller_is_returned_as_it_is(tmp_path, coffee):  # noqa: F811
    """A panel on the brink: any change of the mean brightness crosses its limit."""
    path = tmp_path / "small.png"
    path.write_bytes(encode_png(np.full((16, 16, 3), 77, np.uint8)))
    model = write(tmp_path / "a.onnx", brightness(0.1))
    result = compress_photo(path, panel=model, device="cpu")
    assert result.unchanged
    assert result.data == path.read_bytes()
    assert (result.format, result.suffix, result.settings) == ("png", ".png", None)
    assert result.bytes_plain > result.bytes_after
    assert result.to_dict()["psnr_db"] is None
    assert any("as it was" in note for note in result.notes)


# --- how long it may take ---


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_work_is_closed_at_its_first_step_after_its_time(monkeypatch, calls):
    ends, clock = [], iter(range(1, 9))
    monkeypatch.setattr("engine.compress.photo.time.monotonic", lambda: next(clock))

    def work():
        try:
            yield from "abc"
        finally:
            ends.append("closed")

    def outer():
        ends.append((yield from within(calls - 0.5, work())))

    assert "".join(outer()) == "abc"[:calls]
    assert ends == ["closed", False]
    assert "".join(within(None, work())) == "abc"


def test_without_time_a_picture_is_returned_as_it_is(tmp_path, coffee):  # noqa: F811
    model = write(tmp_path / "a.onnx", classifier())
    result = compress_photo(coffee, panel=model, device="cpu", max_seconds=0)
    assert result.unchanged
    assert result.plain is None
    assert "the search ended after 0 s, its limit" in result.notes
    result = compress_photo(coffee, panel=model, device="cpu", max_seconds=600)
    assert not any("ended after" in note for note in result.notes)
    assert result.data == compress_photo(coffee, panel=model, device="cpu").data


# --- what may be asked ---


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"format": "tiff"}, "choose from jpeg"),
        ({"method": "magic"}, "choose from bisect"),
        ({"keep": "top3"}, "choose from top1"),
        ({"keep": "confidence:1.2"}, "up to 1"),
        ({"keep": "confidence:nan"}, "up to 1"),
        ({"resize": "no"}, "True or False"),
        ({"see": 11}, "0…10"),
        ({"max_seconds": -1}, "0 or more"),
        ({"max_seconds": float("nan")}, "0 or more"),
        ({"panel": "nothing"}, "no panel"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, words, coffee):  # noqa: F811
    with pytest.raises(UsageError, match=words):
        compress_photo(coffee, **wrong)


def test_a_picture_too_wide_for_the_format_is_refused(tmp_path):
    model = write(tmp_path / "a.onnx", classifier())
    with pytest.raises(ImageError, match="16,383 pixels a side"):
        compress_photo(np.zeros((1, 16_384, 3), np.uint8), format="webp", panel=model)


def test_jpeg_xl_needs_its_plugin(monkeypatch, coffee):  # noqa: F811
    monkeypatch.setitem(__import__("sys").modules, "pillow_jxl", None)
    with pytest.raises(SetupError, match=r"just-noticeable\[jxl\]"):
        compress_photo(coffee, format="jxl")


def test_jpeg_xl_where_its_plugin_is(tmp_path, coffee):  # noqa: F811
    pytest.importorskip("pillow_jxl")
    model = write(tmp_path / "a.onnx", classifier())
    result = compress_photo(coffee, format="jxl", panel=model, device="cpu")
    assert result.format == "jxl"
    assert label(model, result.pixels, 32) == label(model, coffee, 32)


def test_names_are_those_of_the_rows():
    assert tuple(FORMATS) == names.FILE_FORMATS
    assert tuple(METHODS) == names.METHOD_NAMES
