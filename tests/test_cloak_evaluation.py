"""The cloak's table: its plan, its sums, and a few photos of LFW where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from engine.attack.methods import METHODS
from training import evaluate_cloak as module
from training import record
from training.evaluate_cloak import Row, derangement, evaluate_cloak, plan, summary

SHARED = Path(os.environ.get("SHARED", Path(__file__).parents[2] / "shared"))
LFW = SHARED / "data" / "lfw"
UNSEEN = SHARED / "weights" / "mobilefacenet_unseen.onnx"
needs_lfw = pytest.mark.skipif(not LFW.is_dir(), reason="needs the photos of LFW")


def flat_eye(name):
    return lambda pixels: np.full(pixels.shape, 4, np.float32)


def test_every_method_meets_every_protocol():
    rows = plan()
    assert len({row.name for row in rows}) == len(rows)
    for protocol, targeted in (("closed-set", False), ("closed-set", True), ("dodging", False)):
        names = {r.method for r in rows if (r.protocol, r.targeted) == (protocol, targeted)}
        assert set(module.MAIN) <= names
    assert {row.method for row in rows} == set(METHODS)
    assert {row.jnd for row in rows} == {module.JND, *module.OTHER_JNDS}
    assert {"ours", "paper", "pgd"} <= {r.method for r in rows if r.protocol == "lasting"}


def test_nobody_is_asked_to_become_themselves():
    targets = derangement(100)
    assert sorted(targets) == list(range(100))
    assert (targets != np.arange(100)).all()


def test_means_are_over_successes_and_rates_over_all():
    photo = {
        "success": True,
        "agree": True,
        "versions_reached": {"png": True},
        "gradients": 10,
        "seconds": 1.0,
        "psnr_db": 40.0,
        "ssim": 0.99,
        "jod": 9.5,
    }
    failed = photo | {"success": False, "psnr_db": 10.0, "gradients": 30, "jod": None}
    row = summary(Row("ours", "lasting"), [photo, failed])
    assert row["success"] == 0.5
    assert row["psnr_db"] == 40
    assert row["gradients"] == 20
    assert row["jod_n"] == 1
    assert row["versions"] == {"png": 1.0}


@needs_lfw
def test_a_row_is_measured_and_not_measured_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "JOD_PHOTOS", 0)
    arguments = (str(LFW), UNSEEN, 2, "python -m training evaluate cloak", tmp_path)
    evaluate_cloak(*arguments, only="closed-set-bim", threshold=flat_eye)
    files = sorted(tmp_path.glob("cloak/closed-set-bim*/*/*.json"))
    assert len(files) == 4  # two photos, targeted and not
    found = [record.read_json(path) for path in files]
    assert all(each["agree"] for each in found)
    assert all(each["psnr_db"] > 30 and each["ssim"] > 0.8 for each in found)
    assert "2 of 2" in capsys.readouterr().err
    times = [path.stat().st_mtime_ns for path in files]
    evaluate_cloak(*arguments, only="closed-set-bim", threshold=flat_eye)
    assert [path.stat().st_mtime_ns for path in files] == times


@needs_lfw
def test_pairs_are_told_apart(tmp_path, monkeypatch):
    from training.evaluate_recogniser import evaluate_recogniser

    monkeypatch.setattr(record, "RESULTS", tmp_path)
    path = evaluate_recogniser(str(LFW), UNSEEN, 20, "python -m training evaluate recogniser")
    result = record.read_json(path)
    assert all(row["accuracy_cross_validated"] >= 0.8 for row in result["rows"])
    assert result["rows"][0]["accuracy"] >= 0.9
    assert result["rows"][0]["n_pairs"] >= 20
