"""The comparison of the human JNDs: equal energy, equal visibility, resumable, tabulated."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from engine.human import HUMAN_MODELS
from engine.metrics.quality import psnr_8bit
from training.__main__ import main as training_main
from training.evaluate.human import picture
from training.evaluate.human import run as evaluate_human
from training.evaluate.speed.process import enlarged
from training.records import record
from training.records.record import read_json
from training.results import figures, tables


def visibility(reference: np.ndarray, changed: np.ndarray) -> float:
    """Stands in for the JOD: 10 where equal, 9.5 at 30 dB."""
    return 10 - 0.5 * 10 ** ((30 - psnr_8bit(reference, changed)) / 10)


@pytest.fixture
def measured(photos, tmp_path, monkeypatch):
    """What evaluating two small pictures wrote, and the folder of the run."""
    folder = tmp_path / "pictures" / "test"
    folder.mkdir(parents=True)
    for name in ("chelsea", "astronaut"):
        Image.fromarray(photos[name][:96, :96]).save(folder / f"{name}.png")
    monkeypatch.setattr(picture, "jod", visibility)
    monkeypatch.setattr(picture, "fsim", lambda *_: 0.9)
    monkeypatch.setattr(picture, "vif", lambda *_: 0.5)
    monkeypatch.setattr(evaluate_human, "SMALL", (60, 80))
    monkeypatch.setattr(evaluate_human, "LARGE", (120, 160))
    for module in (record, figures):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    arguments = ["--data", str(tmp_path / "pictures"), "--runs", str(tmp_path / "runs")]
    assert training_main(["evaluate", "human", *arguments]) == 0
    return read_json(tmp_path / "human_kodak.json"), tmp_path, arguments


def test_every_model_is_measured_at_equal_energy_and_visibility(measured):
    result, _, _ = measured
    rows = {row["model"]: row for row in result["rows"]}
    assert {"uniform white noise", "chou1995", "yang2005", "wu2013", "rgb2022"} <= set(rows)
    assert result["command"] == "python -m training evaluate human"
    assert result["seed"] == 0
    for row in rows.values():
        assert row["n"] == 2
        for db in ("26.65", "30"):
            assert row["equal_energy"][db]["psnr_db"] == pytest.approx(float(db), abs=0.02)
            assert row["equal_energy"][db]["jod_std"] >= 0
        assert row["equal_visibility"]["jod"] == pytest.approx(9.5, abs=0.01)
        assert row["equal_visibility"]["psnr_db"] == pytest.approx(30, abs=0.2)
        assert row["as_published"]["level"] == 1
        assert row["as_luma"]["30"] == pytest.approx(9.5, abs=0.01)


@pytest.mark.parametrize("power", [0.7, 1.5, 3.0])
def test_a_level_is_found_for_a_jod_in_few_steps(power):
    levels = []

    def jod_at(level):
        levels.append(level)
        return 10 - 0.02 * level**power - 0.001 * level

    level = picture.level_for_jod(jod_at, 9.5, [1.0, 0.6])
    assert jod_at(level) == pytest.approx(9.5, abs=0.003)
    assert len(set(levels)) <= 9


def test_a_level_is_found_from_where_nothing_is_seen():
    def jod_at(level):  # in steps, as 8-bit pictures are
        return 10.0 if level < 1 else 10 - 0.03 * np.floor(20 * level) / 20

    level = picture.level_for_jod(jod_at, 9.5, [0.2, 0.1])
    assert jod_at(level) == pytest.approx(9.5, abs=0.003)


def test_a_second_run_measures_nothing_again(measured, monkeypatch):
    result, folder, arguments = measured

    def never(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr(evaluate_human, "measure", never)
    assert training_main(["evaluate", "human", *arguments]) == 0
    assert read_json(folder / "human_kodak.json")["rows"] == result["rows"]


def test_time_and_memory_are_measured_in_processes_of_their_own(measured):
    result, _, _ = measured
    assert set(result["speed"]) == {row["model"] for row in result["rows"]} & set(HUMAN_MODELS)
    for name, row in result["speed"].items():
        assert row["megapixels"] == (0.0192 if HUMAN_MODELS[name].learned else 0.0048)
        assert 0 < row["seconds"] < 60
        assert 20 < row["peak_mb"] < 2000
    assert "| wu2017 | 0.0048 MP |" in tables.TABLES["human_speed"]()


def test_a_picture_is_enlarged_by_reflection():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    large = enlarged(pixels, (5, 3))
    assert large.shape == (5, 3, 3)
    np.testing.assert_array_equal(large[:, 0], pixels[[0, 1, 1, 0, 0], 0])
    np.testing.assert_array_equal(enlarged(pixels, (1, 1)), pixels[:1, :1])


def test_the_table_and_the_figure_are_made_of_it(measured, monkeypatch):
    _, folder, _ = measured
    table = tables.TABLES["human"]()
    assert table.count("\n| ") >= 8
    assert "| wu2017 | " in table
    assert "2 pictures" in table
    monkeypatch.setattr(figures, "FOLDER", folder)
    path = figures.draw_human_maps("chelsea.png")
    with Image.open(path) as image:
        assert min(image.size) > 200
    assert json.loads((folder / "human_kodak.json").read_text())["display"] == "standard_4k"
