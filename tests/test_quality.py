"""How far two pictures are apart: against scikit-image, and what is missing is said."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from PIL import Image
from skimage import metrics
from skimage.color import deltaE_ciede2000, rgb2lab

from engine.commands import cli
from engine.metrics import quality
from engine.system.progress import Progress


@pytest.fixture(scope="module")
def pair(photos):
    reference = photos["astronaut"][:130, :170]
    noise = np.random.default_rng(0).integers(-12, 13, reference.shape)
    return reference, np.clip(reference + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def files(pair, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    paths = [str(folder / name) for name in ("reference.png", "changed.png")]
    for path, pixels in zip(paths, pair, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def test_numbers_are_those_of_scikit_image(pair):
    found = quality.compare(*pair, perceptual=False)
    assert found.psnr_db == pytest.approx(metrics.peak_signal_noise_ratio(*pair), abs=1e-6)
    similar = metrics.structural_similarity(
        *pair,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
    )
    assert found.ssim == pytest.approx(similar, abs=1e-6)
    colour = deltaE_ciede2000(*(rgb2lab(picture) for picture in pair))
    assert found.delta_e_mean == pytest.approx(colour.mean(), rel=1e-4)
    assert found.delta_e_p99 == pytest.approx(np.percentile(colour, 99), rel=1e-4)
    assert found.changed_share == pytest.approx((pair[0] != pair[1]).any(2).mean())


def test_equal_pictures(pair):
    found = quality.compare(pair[0], pair[0], perceptual=False)
    assert found.psnr_db == float("inf")
    assert found.ssim == pytest.approx(1)
    assert found.delta_e_p99 == 0
    assert found.changed_share == 0


def test_colour_differences_in_strips_are_the_same(pair, monkeypatch):
    whole = quality.delta_e(*pair)
    monkeypatch.setattr(quality, "ROWS", 31)
    np.testing.assert_array_equal(quality.delta_e(*pair), whole)


def test_the_share_beyond_the_jnd():
    reference = np.full((10, 10, 3), 100, np.uint8)
    changed = reference.copy()
    changed[:5, :, 1] = 106
    assert quality.beyond(reference, changed, np.full((10, 10, 3), 5.4, np.float32)) == 0.5
    assert quality.beyond(reference, changed, np.full((10, 10, 3), 5.5, np.float32)) == 0


def test_a_picture_smaller_than_the_window_has_no_ssim(pair):
    found = quality.compare(pair[0][:5], pair[1][:5])
    assert found.ssim is found.jod is found.fsim is found.vif is None
    assert {note.partition(":")[0] for note in found.missing} == {"ssim", "jod", "fsim", "vif"}


def test_the_steps_come_before_the_result(pair):
    *before, last = quality.steps(*pair, quality.SLOW)
    assert [(step.doing, step.share) for step in before] == [
        ("measuring ssim", 0),
        ("measuring delta_e", 0.5),
    ]
    assert all(isinstance(step, Progress) for step in before)
    assert last.ssim == quality.compare(*pair, perceptual=False).ssim


def test_missing_libraries_are_notes_not_errors(files, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycvvdp", None)
    monkeypatch.setitem(sys.modules, "piq", None)
    from engine.metrics import perceptual

    perceptual.colour_video_vdp.cache_clear()
    assert cli.main(["quality", *files, "--model", "chou1995", "--metrics", "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["jod"] is report["fsim"] is report["vif"] is None
    assert 0 < report["beyond_jnd_share"] < 1
    assert report["jnd_model"] == "chou1995"
    for name in ("jod", "fsim", "vif"):
        assert f"note: {name}: " in captured.err
    assert "just-noticeable[evaluation]" in captured.err


def test_without_weights_only_the_jnd_is_missing(files, capsys, monkeypatch):
    from dataclasses import replace

    from engine.human import learned
    from engine.models.registry import HUMAN, MODELS

    monkeypatch.setitem(MODELS, HUMAN, replace(MODELS[HUMAN], sha256=""))
    learned.load.cache_clear()
    monkeypatch.setattr("engine.metrics.perceptual.METRICS", {})
    monkeypatch.setattr("engine.metrics.perceptual.measure", lambda *_: (dict.fromkeys(SEEN), []))
    assert cli.main(["quality", *files, "--model", HUMAN]) == 0
    captured = capsys.readouterr()
    assert "hvs-sd is not trained yet" in captured.err
    assert "beyond_jnd_share  –" in captured.out
    assert "psnr_db" in captured.out


SEEN = ("jod", "fsim", "vif")


def test_pictures_of_two_sizes_are_refused(files, tmp_path, capsys):
    other = tmp_path / "other.png"
    Image.fromarray(np.zeros((9, 8, 3), np.uint8)).save(other)
    assert cli.main(["quality", files[0], str(other)]) == 1
    assert "170×130 and 8×9: give two of the same size" in capsys.readouterr().err


def test_perceptual_numbers_order_distortions(pair):
    pytest.importorskip("pycvvdp", reason="the evaluation extra is not installed")
    pytest.importorskip("piq", reason="the evaluation extra is not installed")
    found = quality.compare(*pair)
    same = quality.compare(pair[0], pair[0])
    assert same.jod == pytest.approx(10, abs=1e-3)
    assert same.fsim == pytest.approx(1, abs=1e-4)
    assert same.vif == pytest.approx(1, abs=1e-4)
    assert 5 < found.jod < 9.99
    assert found.fsim < 0.999
    assert found.vif < 0.9
