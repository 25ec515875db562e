"""HVS-SD, everything tiny: train, calibrate, export, run in tiles."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch
from PIL import Image

from engine.human import thresholds
from engine.human.learned import HvsSd
from engine.human.pattern import CHANNEL_WEIGHTS
from engine.images.picture import to_batch
from engine.metrics.quality import psnr_8bit
from engine.networks import hvs
from export.__main__ import main as export_main
from training.__main__ import main as training_main
from training.data.labelled import DataError, load_photos
from training.train import checkpoint
from training.train.human import calibration
from training.train.human.hvs import load_human, true_maps


@pytest.fixture(scope="module")
def pictures(photos, tmp_path_factory):
    """A folder of photos: train/*.png and val/*.png."""
    folder = tmp_path_factory.mktemp("photos")
    for split, names in (("train", ("chelsea", "coffee")), ("val", ("astronaut",))):
        (folder / split).mkdir()
        for name in names:
            Image.fromarray(photos[name][:150, :170]).save(folder / split / f"{name}.png")
    return folder


def visibility(reference: np.ndarray, changed: np.ndarray) -> float:
    """Stands in for the JOD, which needs more libraries: also falls with the noise."""
    return psnr_8bit(reference, changed) / 3


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """Runs and the exported graph of the smoke preset, and the processor seconds that it took."""
    runs, out = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("out") / "weights"
    started = time.process_time()
    common = ["--data", str(pictures), "--runs", str(runs)]
    assert training_main(["human", *common, "--preset", "smoke"]) == 0
    photos = load_photos(str(pictures), "val")
    calibration.calibrate("smoke", photos, runs, target=10.0, visibility=visibility)
    assert export_main(["human", "--runs", str(runs), "--out", str(out), "--human", "smoke"]) == 0
    return runs, out, time.process_time() - started


def test_everything_in_under_a_minute_of_one_core(trained):
    assert trained[2] < 60


def test_every_stage_is_recorded(trained):
    for stage, key in (("degradation", "bits_per_pixel"), ("attention", "loss"), ("jnd", "jod")):
        note = checkpoint.load(trained[0] / "human" / f"smoke.{stage}.safetensors")[1]
        assert note["stage"] == stage
        assert note["n_train"] == 2
        assert all(np.isfinite(row[key]) for row in note["history"])
        assert note["history"][-1]["step"] == note["steps"]


def test_calibration_reaches_its_target_and_is_kept(trained, pictures):
    runs = trained[0]
    kept = calibration.calibrated("smoke", runs)
    assert kept["tried"][-1]["jod"] == pytest.approx(10, abs=0.01)
    assert kept["tried"][-1]["scale"] == kept["scale"]

    def never(*_):
        raise AssertionError("measured again")

    photos = load_photos(str(pictures), "val")
    again = calibration.calibrate("smoke", photos, runs, target=10.0, visibility=never)
    assert again == kept


def test_the_graph_gives_the_network_s_thresholds(trained, photos):
    runs, out, _ = trained
    parity = json.loads((out / "export.json").read_text())["parity"]["hvs-sd.onnx"]
    assert [row["output"] for row in parity] == ["threshold"]
    assert parity[0]["largest"] < 1e-4
    pixels = photos["astronaut"][:200, :240]
    model, _, _ = load_human("smoke", runs)
    model.scale = calibration.calibrated("smoke", runs)["scale"]
    reach = hvs.MARGIN
    padded = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    with torch.no_grad():
        expected = 255 * model(torch.from_numpy(to_batch(padded[None])))[0].permute(1, 2, 0)
    found = thresholds(pixels, "hvs-sd", weights=out)
    np.testing.assert_allclose(found, expected[reach:-reach, reach:-reach], atol=0.02)


def test_tiles_have_no_seams(trained, photos):
    pixels = photos["coffee"][:201, :187]  # no multiple of anything
    whole = HvsSd(weights=str(trained[1]), device="cpu")(pixels)
    tiled = HvsSd(weights=str(trained[1]), device="cpu", tile=64)(pixels)
    np.testing.assert_allclose(tiled, whole, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 37), (2, 3), (300, 2)])
def test_odd_pictures_have_finite_thresholds(trained, size):
    for value in (0, 130, 255):
        found = thresholds(np.full((*size, 3), value, np.uint8), "hvs-sd", weights=trained[1])
        assert found.shape == (*size, 3)
        assert np.isfinite(found).all()
        assert (found >= 0).all()


@pytest.mark.parametrize("width", [40, 41, 42, 43])
def test_the_networks_are_as_symmetric_as_their_padding(width):
    torch.manual_seed(3)
    model = hvs.HvsSd(hvs.AttentionBranch(), hvs.JndNetwork()).eval()
    x = torch.rand(2, 3, 30, width)
    with torch.no_grad():
        found, mirrored = model(x), model(x.flip(3)).flip(3)
        alone = torch.cat([model(each[None]) for each in x])
    torch.testing.assert_close(found, mirrored, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-6)


def test_what_ships_is_calibrated_and_exported_again_where_nothing_is_trained(tmp_path, photos):
    from engine.models.locate import locate
    from engine.models.registry import HUMAN
    from engine.networks.stored import contract
    from training.train.human.thresholds import load_thresholds

    model, note = load_thresholds("default", tmp_path)
    told = contract(locate(HUMAN).path)
    assert note["weights"] == told["calibration"]["weights"]
    assert len(note["history"]) > 1
    model.scale = told["calibration"]["scale"]
    pixels = photos["chelsea"][:64, :80]
    reach = hvs.MARGIN
    padded = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    with torch.no_grad():
        expected = 255 * model(torch.from_numpy(to_batch(padded[None])))[0].permute(1, 2, 0)
    found = thresholds(pixels, "hvs-sd")
    np.testing.assert_allclose(found, expected[reach:-reach, reach:-reach], atol=0.02)
    with pytest.raises(FileNotFoundError, match="training human"):
        load_thresholds("another", tmp_path)


def test_the_border_is_no_artefact(trained):
    found = thresholds(np.full((90, 90, 3), 120, np.uint8), "hvs-sd", weights=trained[1])
    assert np.ptp(found[::4, ::4], axis=(0, 1)).max() < 1e-3  # the strides' phase aside


def test_the_command_line_runs_it(trained, pictures, tmp_path, capsys, monkeypatch):
    from engine.commands import cli

    monkeypatch.setattr("engine.metrics.perceptual.METRICS", {})
    nothing = {"jod": None, "fsim": None, "vif": None}
    monkeypatch.setattr("engine.metrics.perceptual.measure", lambda *_: (nothing, []))
    picture = str(pictures / "val" / "astronaut.png")
    arguments = ["human", picture, "--out", str(tmp_path), "--weights", str(trained[1]), "--json"]
    assert cli.main([*arguments, "--model", "hvs-sd"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["model"] == "hvs-sd"
    assert "CPUExecutionProvider" in captured.err
    assert "hvs-sd" in captured.err


def test_nothing_is_exported_without_a_calibration(trained, tmp_path, capsys):
    import shutil

    shutil.copytree(trained[0], tmp_path / "runs")
    (tmp_path / "runs" / "human" / "smoke.calibration.json").unlink()
    arguments = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    assert export_main(["human", *arguments, "--human", "smoke"]) == 1
    assert "training calibrate" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_export_leaves_the_other_models_provenance(tmp_path):
    from export.build import updated
    from training.records.record import write_json

    path = tmp_path / "provenance.json"
    write_json(path, updated(path, {"files": {"a.onnx": {"sha256": "1"}}}))
    write_json(path, updated(path, {"files": {"b.onnx": {"sha256": "2"}}}))
    assert set(json.loads(path.read_text())["files"]) == {"a.onnx", "b.onnx"}


def test_a_stopped_stage_goes_on_where_it_was(pictures, tmp_path):
    from dataclasses import replace

    from training.train.human.hvs import train_human
    from training.train.presets import HUMAN_PRESETS

    photos = load_photos(str(pictures), "train")
    preset = replace(
        HUMAN_PRESETS["smoke"], degradation_steps=1, branch_steps=1, jnd_steps=4, images=None
    )
    whole = train_human("w", photos, preset, tmp_path / "whole")
    original = checkpoint.save
    calls = []

    def save(path, tensors, note):
        original(path, tensors, note)
        if ".jnd.resume" in path.name:
            calls.append(path)
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", save)
        with pytest.raises(KeyboardInterrupt):
            train_human("w", photos, preset, tmp_path / "halves")
    assert len(calls) == 1
    with pytest.raises(DataError, match="was made with preset"):
        train_human("w", photos, replace(preset, magnitude=9.0), tmp_path / "halves")
    halves = train_human("w", photos, preset, tmp_path / "halves")
    assert [row["loss"] for row in halves["history"]] == pytest.approx(
        [row["loss"] for row in whole["history"]], rel=1e-2
    )


def test_true_maps_are_in_their_range(trained):
    _, teacher, _ = load_human("smoke", trained[0])
    maps = true_maps(teacher, torch.rand(2, 3, 41, 50))
    assert maps.shape == (2, hvs.MAPS, 41, 50)
    assert torch.isfinite(maps).all()
    assert 0 <= maps.min() <= maps.max() <= 1
    assert torch.isfinite(true_maps(teacher, torch.zeros(1, 3, 16, 16))).all()


def test_gdn_divides_and_its_inverse_multiplies():
    x = torch.full((1, 2, 1, 1), 3.0)
    plain, inverse = hvs.DivisiveNormalisation(2), hvs.DivisiveNormalisation(2, inverse=True)
    norm = (1 + 1e-6 + 9 * (0.32**2 + 0.02**2)) ** 0.5
    assert plain(x).flatten().tolist() == pytest.approx([3 / norm] * 2, rel=1e-5)
    assert inverse(x).flatten().tolist() == pytest.approx([3 * norm] * 2, rel=1e-5)


def test_a_threshold_is_positive_and_its_colours_stay_near_their_shares():
    torch.manual_seed(0)
    network = hvs.JndNetwork()
    torch.nn.init.normal_(network.last.weight, std=3.0)
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        j = network(x, torch.rand(2, hvs.MAPS, 64, 64))
    assert j.min() > hvs.USUAL / 100
    assert j.max() <= 1
    free = j[:, :, (j.amax((0, 1)) < 1)]
    shares = CHANNEL_WEIGHTS[2] / CHANNEL_WEIGHTS[1]
    ratio = free[:, 2] / free[:, 1]
    assert ratio.max() <= shares * np.exp(2 * hvs.SHIFT) * 1.001
    assert ratio.min() >= shares * np.exp(-2 * hvs.SHIFT) * 0.999
    assert ratio.max() / ratio.min() > 2  # and it does choose


def test_photos_are_read_from_folders_and_parquet(pictures, labelled, tmp_path):
    photos = load_photos(str(pictures), "val", "train")
    assert photos.images[0].shape == (150, 170, 3)
    assert photos.source.endswith("1 PNG pictures")
    assert load_photos(str(labelled), "test").images[0].shape == (32, 32, 3)
    with pytest.raises(DataError, match="no pictures of a split test"):
        load_photos(str(pictures), "test")
    with pytest.raises(DataError, match="no data at"):
        load_photos(str(tmp_path / "none"), "train")
