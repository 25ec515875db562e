"""The method `jnd`, quantisation by twice the JND; and a search against a model of your own."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from onnx_models import classifier, coffee, write  # noqa: F401
from PIL import Image

from engine import compress_photo
from engine.commands import cli
from engine.compress.formats import FORMATS
from engine.compress.jpeg.layout import Layout
from engine.compress.methods import jnd
from engine.compress.methods.jnd import Ruled, coefficients, root_mean_square
from engine.compress.trials import Trials
from engine.errors import UsageError
from engine.images.picture import decode, to_pixels
from engine.panels.naming import parse
from engine.panels.own import open_panel


def textured(seed: int = 3) -> np.ndarray:
    """A grey ramp with grey noise, 48×64."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(40, 200, 64)[None, :, None] * np.ones((48, 1, 3))
    return np.clip(ramp + random.normal(0, 25, (48, 64, 1)), 0, 255).astype(np.uint8)


# --- the rule ---


def test_errors_stay_within_half_a_step_of_the_block_and_of_the_table():
    random = np.random.default_rng(0)
    whole = (random.normal(0, 60, (3, 4, 8, 8)),)
    steps = (random.uniform(1, 40, (3, 4, 1, 1)) * np.ones((8, 8)),)
    table = np.full((8, 8), 5)
    (numbers,) = coefficients(whole, steps, table)
    assert (numbers == np.rint(numbers)).all()
    error = np.abs(numbers * table - whole[0])
    assert (error <= steps[0] / 2 + table / 2 + 1e-9).all()
    assert (error > table / 2 + 1e-9).any()  # the block's own step is what decides


def test_a_block_that_may_change_more_has_larger_steps():
    change = np.zeros((16, 24, 3), np.float32)
    change[:8, 8:16] = 0.1
    pixels = textured()[:16, :24]
    luma = Ruled(pixels, change).steps[0].mean((2, 3))
    assert luma.argmax() == 1
    assert luma[1, 2] == 0
    brightness = 0.1 * 255  # a change of all three colours alike is one of Y
    shape = Ruled(pixels, change).steps[0][0, 1]
    assert np.exp(np.log(shape).mean()) == pytest.approx(2 * brightness, rel=1e-4)


def test_of_blocks_that_end_beyond_the_picture():
    plane = np.full((10, 9), 3.0)
    assert root_mean_square(plane) == pytest.approx(np.full((2, 2), 3.0))


@pytest.mark.parametrize("size", [(40, 56), (37, 51), (1, 1)])
def test_a_larger_multiple_is_a_smaller_file_of_the_same_picture(size):
    pixels = textured()[: size[0], : size[1]]
    change = np.full((*pixels.shape[:2], 3), 0.05, np.float32)
    ruled = Ruled(pixels, change)
    files = [ruled.file(multiple) for multiple in (0.1, 1.0, 8.0)]
    lengths = [len(each.data) for each in files]
    assert lengths == sorted(lengths, reverse=True)
    for each in files:
        with Image.open(io.BytesIO(each.data)) as image:
            assert image.size == size[::-1]


def test_where_nothing_may_change_the_file_is_as_exact_as_a_jpeg_can_be():
    pixels = textured()
    data = Ruled(pixels, np.zeros((*pixels.shape[:2], 3), np.float32)).file(1.0).data
    layout = Layout(*pixels.shape[:2])
    best = to_pixels(layout.decoded(layout.encoded(pixels)).transpose(2, 0, 1)[None] / 255)[0]
    assert np.abs(decode(data).pixels.astype(int) - best).mean() < 1


class Within:
    """Stands for `Kept`: a picture holds where it differs by so much at most, root mean square."""

    def __init__(self, pixels: np.ndarray, most: float):
        self.pixels, self.most = pixels, most

    def holds(self, pixels: np.ndarray) -> bool:
        return float(np.sqrt(np.mean((self.pixels - pixels.astype(float)) ** 2))) <= self.most


@pytest.mark.parametrize(("most", "holds"), [(20.0, True), (7.0, False), (0.0, False)])
def test_the_largest_multiple_that_holds(most, holds):
    pixels = textured()
    trials = Trials(Within(pixels, most), pixels, FORMATS["jpeg"])
    ruled = Ruled(pixels, np.full((*pixels.shape[:2], 3), 0.06, np.float32))
    assert trials.offer(ruled.file(1.0)) == holds
    tried = list(jnd.largest(trials, ruled, holds))
    held = [multiple for multiple, found in tried if found]
    failed = [multiple for multiple, found in tried if not found]
    if most == 0:
        assert not held
        assert jnd.MULTIPLES[0] <= min(failed) < jnd.MULTIPLES[0] * jnd.FACTOR
        return
    assert (max(held) > 1) == holds
    ratio = min(each for each in failed if each > max(held)) / max(held)
    assert ratio <= jnd.FACTOR ** (0.5**jnd.HALVINGS) + 1e-9


# --- on photos ---


def test_a_photo_by_the_rule(coffee):  # noqa: F811
    result = compress_photo(coffee, method="jnd", device="cpu")
    rule = result.rule
    assert result.verified
    assert result.bytes_after == min(
        each for each in (rule.bytes_at_multiple, result.bytes_plain) if each
    )
    assert rule.holds == (rule.multiple >= 1)
    assert any("the rule" in note for note in result.notes)
    assert result.to_dict()["rule"]["bytes"] == rule.bytes


def test_by_a_panel_that_shrinks_pictures_and_by_a_model_of_your_own(tmp_path, coffee):  # noqa: F811
    small = np.ascontiguousarray(coffee[:96, :96])
    assert compress_photo(small, method="jnd", panel="cifar10", device="cpu").rule is not None
    path = write(tmp_path / "mine.onnx", classifier())
    assert compress_photo(small[:64, :64], method="jnd", panel=str(path), device="cpu").verified


def test_the_rule_is_a_jpegs(coffee):  # noqa: F811
    with pytest.raises(UsageError, match=r"format webp: the method jnd writes jpeg"):
        compress_photo(coffee, method="jnd", format="webp")


# --- a search against a model of your own ---


def test_a_search_against_an_onnx_file(tmp_path, coffee, capsys):  # noqa: F811
    pytest.importorskip("onnx2torch")
    path, picture = write(tmp_path / "mine.onnx", classifier()), tmp_path / "coffee.png"
    Image.fromarray(coffee[:96, :128]).save(picture)
    command = ["compress", str(picture), "--panel", str(path), "--out", str(tmp_path), "--json"]
    assert cli.main([*command, "--method", "search", "--max-seconds", "5"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verified"]
    assert report["bytes_after"] <= report["bytes_plain"]
    file = decode((tmp_path / "coffee.compressed.jpg").read_bytes()).pixels
    panel = open_panel(parse(str(path)), device="cpu")
    labels = [panel.labels_of(each[None])[0] for each in (coffee[:96, :128], file)]
    assert (labels[0] == labels[1]).all()


def test_what_gives_no_gradients_is_said_for_all_pictures_at_once(tmp_path, capsys):
    pictures = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for path in pictures:
        Image.fromarray(textured()).save(path)
    command = ["compress", *pictures, "--panel", "cifar10", "--method", "search"]
    assert cli.main([*command, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("needs gradients") == 1
