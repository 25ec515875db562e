"""The timing of what ships: in turns, in processes of their own, and what is made of it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from training.evaluate.speed import gpu, run, side_by_side, subjects
from training.evaluate.speed.lane import Lane, sample
from training.evaluate.speed.side_by_side import Effort, LaneError
from training.evaluate.speed.subjects import CHANNELS_LAST, EAGER, ENGINE, SUBJECTS
from training.records import record
from training.records.record import read_json
from training.results import speed_tables

ONCE = Effort(rounds=1, seconds=0, jobs=1)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("JND_THREADS", "1")


@pytest.fixture
def photo(photos):
    return photos["chelsea"]


@pytest.mark.parametrize("name", [name for name, each in SUBJECTS.items() if each.models])
def test_both_runtimes_compute_the_same(name, photo):
    subject = SUBJECTS[name]
    side = subject.pictures[0][1] if subject.panel == "cifar10" else 64
    pixels = run.pictures(photo, 1, side)
    expected = subjects.engine_work(subject, pixels, None, "cpu")()
    for runtime in (EAGER, CHANNELS_LAST):
        found = subjects.torch_work(subject, runtime, pixels, None, "cpu")()
        assert [output.shape for output in found] == [output.shape for output in expected]
        assert side_by_side.off(sample(found), sample(expected)) < 1e-4, runtime


def test_runtimes_are_timed_in_turns_with_memory_of_their_own(photo):
    lanes = [Lane("hvs-sd", ENGINE), Lane("hvs-sd", EAGER)]
    engine, eager = side_by_side.side_by_side(lanes, set(), run.pictures(photo, 1, 32), ONCE)
    for row in (engine, eager):
        assert row["n"] == 1
        assert 0 < row["ms_min"] == row["ms"] == row["ms_max"]
        assert row["off"] < 1e-4
    assert 20 < engine["peak_mb"] < eager["peak_mb"] - 50  # the engine does without PyTorch


def test_a_runtime_that_fails_is_reported_or_stops_all(photo, tmp_path):
    pixels = run.pictures(photo, 1, 32)
    lanes = [Lane("wu2017", ENGINE), Lane("hvs-sd", ENGINE, weights=str(tmp_path))]  # has none
    works, fails = side_by_side.side_by_side(lanes, {ENGINE}, pixels, ONCE)
    assert works["ms"] > 0
    assert set(fails) == {"failed"}
    assert "WeightsError" in fails["failed"]
    with pytest.raises(LaneError, match=r"hvs-sd, engine: .*WeightsError"):
        side_by_side.side_by_side(lanes, set(), pixels, ONCE)


def test_the_slope_is_that_of_a_power():
    sizes = (0.001, 0.05, 0.2, 1.0, 4.0)  # the smallest is left out: a fixed cost may weigh on it
    rows = [
        {"subject": "s", "runtime": ENGINE, "device": "cpu", "megapixels": mp, "ms": 7 * mp**1.2}
        for mp in sizes
    ]
    rows[0]["ms"] = 1e3
    (slope,) = run.slopes_of(rows)
    assert slope["slope"] == pytest.approx(1.2)
    assert slope["n"] == 4
    assert run.slopes_of(rows[:3]) == []


def test_pictures_are_squares_of_the_photo(photo):
    found = run.pictures(photo, 3, 32)
    assert found.shape == (3, 32, 32, 3)
    np.testing.assert_array_equal(found[1], photo[:32, 32:64])
    np.testing.assert_array_equal(found[2], photo[32:64, :32])


def test_the_evaluation_writes_rows_slopes_jobs_and_tables(photo, tmp_path, monkeypatch):
    folder = tmp_path / "pictures" / "test"
    folder.mkdir(parents=True)
    Image.fromarray(photo).save(folder / "photo.png")
    small = subjects.Subject("hvs-sd", ("hvs-sd",), tuple((1, side) for side in (32, 64, 96)))
    classical = subjects.Subject("wu2017", (), ((1, 32), (1, 64)))
    monkeypatch.setattr(run, "SUBJECTS", {"hvs-sd": small, "wu2017": classical})
    monkeypatch.setattr(run, "JOBS", ((96, 128),))
    monkeypatch.setattr(run, "FITTED", 0)
    monkeypatch.setitem(run.PIXELS, EAGER, (0, 32 * 32))
    monkeypatch.setattr(run, "devices", lambda: ("cpu",))
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    given = (str(folder.parent), None)
    path = run.evaluate_speed(*given, None, tmp_path, "command", effort=ONCE)
    assert path == tmp_path / "speed.json"
    result = read_json(path)
    assert [row["runtime"] for row in result["rows"][:2]] == [ENGINE, EAGER]
    assert [(row["subject"], row["runtime"]) for row in result["slopes"]] == [("hvs-sd", ENGINE)]
    machine, human = result["jobs"]
    assert (machine["command"], human["command"]) == ("machine", "human")
    for job in (machine, human):
        assert not job["torch"]
        assert job["seconds"] > 0
        assert 50 < job["peak_mb"] < 1500
    assert result["target"]["n"] == 1
    table = speed_tables.TABLES["speed"]()
    assert "| hvs-sd | 32² | " in table
    assert "of 1 rows" in table
    assert "| hvs-sd | 0.00…0.0 MP | " in speed_tables.TABLES["speed_slopes"]()
    assert "| `machine` | 0.0 MP | " in speed_tables.TABLES["speed_jobs"]()

    look = run.evaluate_speed(*given, 1, tmp_path / "runs", "command", "wu2017", ONCE)
    assert look == tmp_path / "runs" / "speed" / "speed.json"
    assert [row["side"] for row in read_json(look)["rows"]] == [32]


def test_on_a_gpu_all_runtimes_share_a_process(photo, tmp_path, monkeypatch):
    """Here on the processor: `--device cpu`."""
    (tmp_path / "test").mkdir()
    Image.fromarray(photo).save(tmp_path / "test" / "photo.png")
    chosen = {"CIFAR-10 generator": SUBJECTS["CIFAR-10 generator"]}
    monkeypatch.setattr(gpu, "SUBJECTS", chosen)
    monkeypatch.setattr(gpu, "SIZES", {"cifar10": ((1, 32), (2, 32))})
    monkeypatch.setattr(gpu, "ROUNDS", 2)
    calls = [{"function": "machine_jnd", "device": "cuda", "seconds": 1.5}]
    calls.append({"function": "human_jnd", "device": "cuda", "failed": "no memory"})
    monkeypatch.setattr(gpu, "whole", lambda photo, device: calls)
    arguments = ["gpu", "--data", str(tmp_path), "--device", "cpu", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    gpu.main()
    result = read_json(tmp_path / "speed_gpu.json")
    assert len(result["rows"]) == 2 * len(gpu.RUNTIMES)
    for row in result["rows"]:
        assert row["first_ms"] > row["ms"] > 0
        if row["runtime"] != "bfloat16":
            assert row["off"] < 1e-4
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    table = speed_tables.TABLES["speed_gpu"]()
    assert "2 × 32²" in table
    assert "`machine_jnd` on cuda 1.5 s" in table
    assert "human_jnd" not in table


def test_without_a_gpu_nothing_is_measured_or_overwritten(monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["gpu"])
    monkeypatch.setattr(gpu, "write", None)
    with pytest.raises(SystemExit):
        gpu.main()
    assert "finds no GPU" in capsys.readouterr().err


def test_a_runtime_that_fails_on_a_gpu_is_a_row(photo, monkeypatch):
    def fails(subject, runtime, pixels, weights, device):
        raise RuntimeError("first line\nno memory left")

    monkeypatch.setattr(gpu, "torch_work", fails)
    rows = gpu.at_size(SUBJECTS["CIFAR-10 generator"], (1, 32), photo, "cpu")
    assert "ms" in rows[0]
    assert [row.get("failed") for row in rows[1:]] == ["no memory left"] * 3
