"""Machine quality: against the logits themselves, on the command line, and its evaluation."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from onnx_models import classifier, outside, write
from PIL import Image
from pyarrow import parquet
from scipy.special import softmax

import engine
from engine.commands import cli
from engine.errors import ImageError
from engine.panels.own import open_panel
from engine.quality.machines import OFFSET, SLOPE
from training.data.labelled import DataError
from training.evaluate.machine_quality import run, summary
from training.evaluate.machine_quality.distortions import DISTORTIONS, variants
from training.records import record
from training.records.record import read_json


@pytest.fixture(scope="module")
def pair(photos):
    reference = photos["chelsea"]
    noise = np.random.default_rng(0).normal(0, 70, reference.shape)
    return reference, np.clip(reference + noise, 0, 255).astype(np.uint8)


def test_every_number_follows_from_the_logits(pair):
    found = engine.machine_quality(*pair, panel="photos", device="cpu")
    panel = open_panel("photos", device="cpu")
    before, after = (panel.logits_of(each[None])[0].astype(float) for each in pair)
    labels = before.argmax(1)
    assert found.smr == (after.argmax(1) == labels).mean()
    rows = np.arange(len(labels))
    was, now = (softmax(each, axis=1)[rows, labels] for each in (before, after))
    np.testing.assert_allclose(found.evidence, np.log(now / (1 - now)), rtol=1e-3)
    expected = 1 / (1 + np.exp(-(OFFSET + SLOPE * np.mean(np.log(now / (1 - now))))))
    assert found.keep == pytest.approx(expected, rel=1e-3)
    assert found.drop == pytest.approx((was - now).mean(), abs=1e-4)
    for label, lost in zip(found.labels, found.lost, strict=True):
        assert (lost < 1) == label.same


def test_an_unchanged_picture_loses_nothing(pair):
    found = engine.machine_quality(pair[0], pair[0], device="cpu")
    assert found.smr == 1
    assert found.drop == pytest.approx(0, abs=1e-6)
    assert found.lost == pytest.approx((0, 0, 0), abs=1e-6)
    changed = engine.machine_quality(*pair, device="cpu")
    assert changed.keep < found.keep


def test_two_sizes_are_refused(pair):
    with pytest.raises(ImageError, match="give two of the same size"):
        engine.machine_quality(pair[0], pair[1][:-1])


def test_the_command_adds_the_machines(pair, tmp_path, capsys):
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for path, pixels in zip(paths, pair, strict=True):
        Image.fromarray(pixels[:200, :200]).save(path)
    model = write(tmp_path / "model.onnx", classifier())
    quick = [*paths, "--model", "wu2017", "--device", "cpu"]
    assert cli.main(["quality", *quick, "--machine", "--panel", model, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["psnr_db"] > 0
    (machine,) = report["machine"]["machines"]
    assert machine["classifier"] == "model.onnx"
    assert report["machine"]["smr"] == (machine["before"] == machine["after"])
    assert cli.main(["quality", *quick, "--machine"]) == 0
    assert "of 3 machines keep their label" in capsys.readouterr().out
    assert cli.main(["quality", *quick, "--panel", model]) == 2
    assert "give both" in capsys.readouterr().err


# --- the evaluation ---


def test_distortions_grow_with_their_level(photos):
    pixels = photos["coffee"][:160, :200]
    found: dict[str, list[float]] = {}
    for name, level, distorted in variants(pixels, 0):
        assert distorted.shape == pixels.shape
        assert distorted.dtype == np.uint8
        off = np.square(distorted.astype(float) - pixels).mean()
        found.setdefault(name, []).append(off)
        assert level == len(found[name])
    assert list(found) == list(DISTORTIONS)
    for name, errors in found.items():
        assert errors == sorted(errors), name


def test_a_score_that_knows_the_truth_ranks_perfectly():
    random = np.random.default_rng(0)
    truth = random.random(60)
    photo = np.repeat(np.arange(6), 10)
    assert summary.ranked(truth, truth, photo)["srcc"] == pytest.approx(1)
    assert summary.ranked(-truth, truth, photo)["srcc"] == pytest.approx(-1)
    noise = summary.ranked(random.random(60), truth, photo)
    assert abs(noise["srcc"]) < 0.5
    assert noise["srcc_standard_error"] > 0.02
    missing = np.where(photo == 0, np.nan, truth)
    assert summary.ranked(missing, truth, photo)["n_photos"] == 5
    assert summary.ranked(truth, np.ones(60), photo)["srcc"] is None  # JSON has no NaN


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photos):
    """Two small photos, as PNG."""
    place = tmp_path_factory.mktemp("photos")
    images = []
    for name in ("coffee", "chelsea"):
        stream = io.BytesIO()
        Image.fromarray(photos[name][:160, :200]).save(stream, "PNG")
        images.append({"bytes": stream.getvalue(), "path": f"{name}.png"})
    parquet.write_table(pa.table({"image": images}), place / "test-00000.parquet")
    return place


def test_an_evaluation_is_written_and_goes_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(run, "jod_is_there", lambda: False)
    for name in list(DISTORTIONS)[2:]:
        monkeypatch.delitem(DISTORTIONS, name)
    unseen, runs = outside(tmp_path / "unseen"), tmp_path / "runs"
    arguments = (folder, None, 2, runs, unseen, "a test")
    result = read_json(run.evaluate_machine_quality(*arguments))
    assert result["n"] == 2
    assert result["unseen"] == ["toy"]
    scores = {row["score"]: row for row in result["correlations"]}
    assert list(scores) == ["keep", "drop", "smr", "psnr_db", "ssim", "fsim", "vif"]
    assert scores["keep"]["toy"]["kept"]["n"] == 20
    assert scores["keep"]["mean"] == scores["keep"]["toy"]
    assert len(result["distortions"]) == 10
    assert sum(row["n"] for row in result["calibration"]) == 20

    def never(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr(run, "measured", never)
    again = read_json(run.evaluate_machine_quality(*arguments))
    assert again["correlations"] == result["correlations"]
    with pytest.raises(DataError, match="to be predicted"):
        run.evaluate_machine_quality(folder, None, 1, runs, tmp_path, "a test")
