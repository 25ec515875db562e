"""The cloak's table: its plan, its sums, and a few photos of LFW where they are at hand."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from engine.attack.methods import METHODS
from engine.faces.finder import Face
from engine.faces.gallery import Gallery, Identity
from engine.metrics import perceptual
from engine.models.registry import HUMAN_DEFAULT, HUMAN_NAMES
from training.data.lfw import Subject
from training.evaluate.cloak import metrics
from training.evaluate.cloak import plan as cloak_plan
from training.evaluate.cloak import run as module
from training.evaluate.cloak.enrolment import digest
from training.evaluate.cloak.keys import row_keys
from training.evaluate.cloak.metrics import summary
from training.evaluate.cloak.plan import Row, derangement, plan
from training.evaluate.cloak.run import batches, evaluate_cloak
from training.records import record
from training.records.store import mark

SHARED = Path(os.environ.get("SHARED", Path(__file__).parents[2] / "shared"))
LFW = SHARED / "data" / "lfw"
ONLOOKER = SHARED / "weights" / "mobilefacenet_unseen.onnx"
needs_lfw = pytest.mark.skipif(not LFW.is_dir(), reason="needs the photos of LFW")


def flat_eye(name):
    return lambda pixels: np.full(pixels.shape, 4, np.float32)


def test_every_method_meets_every_protocol():
    rows = plan()
    assert len(set(rows)) == len(rows)
    assert len({(row.name, row.photos, row.sample) for row in rows}) == len(rows)
    for protocol, targeted in cloak_plan.PROTOCOLS:
        chosen = [r for r in rows if (r.protocol, r.targeted) == (protocol, targeted)]
        assert set(cloak_plan.MAIN) <= {row.method for row in chosen if row.photos is None}
    assert {row.method for row in rows} == set(METHODS)
    assert {row.jnd for row in rows if row.method == "paper"} == set(HUMAN_NAMES)
    assert {row.jnd for row in rows if row.method.startswith("ours")} == {HUMAN_DEFAULT}


def test_the_full_budget_of_cw_is_the_papers_protocols():
    budgets = {
        (row.protocol, row.targeted): row.budget["rounds"] for row in plan() if row.method == "cw"
    }
    full = budgets.pop(("closed-set", False))
    assert full == METHODS["cw"](False).tuning.rounds
    assert all(rounds < full for rounds in budgets.values())


def test_nobody_is_asked_to_become_themselves():
    targets = derangement(100)
    assert sorted(targets) == list(range(100))
    assert (targets != np.arange(100)).all()


def test_batches_are_always_the_same_ones():
    full = batches(Row("ours", "dodging"), 97)
    assert [number for batch in full for number in batch] == list(range(97))
    assert batches(Row("ours", "dodging"), 30) == full[:3]
    assert batches(Row("ours", "dodging", photos=20), 97) == full[:2]


def test_what_decides_a_row_is_in_its_key():
    lines = {
        "ours": Row("ours", "dodging"),
        "another eye": Row("ours", "dodging", jnd="chou1995"),
        "another protocol": Row("ours", "lasting"),
        "another method": Row("ddn", "dodging"),
        "another goal": Row("ours", "dodging", own=True),
    }
    marks = {name: mark(row_keys(line, "a", None)[-1]) for name, line in lines.items()}
    marks["another gallery"] = mark(row_keys(lines["ours"], "b", None)[-1])
    assert len(set(marks.values())) == len(marks)
    few = Row("ours", "dodging", photos=20)  # read from the batches of the whole row
    assert mark(row_keys(few, "a", None)[-1]) == marks["ours"]


def test_what_a_row_asks():
    random = np.random.default_rng(0)
    enrolled = random.normal(size=(3, 6, 128)).astype(np.float32)
    subjects = [Subject("", k, None, None, enrolled[k], 0) for k in range(3)]
    gallery = Gallery.enrol({str(k): enrolled[k] for k in range(3)})
    own = random.normal(size=128).astype(np.float32)

    def goal(row):
        return row.goal(gallery, subjects, 1, own)

    other = derangement(3)[1]
    assert goal(Row("ours", "closed-set")) == Identity(gallery, 1, False)
    assert goal(Row("ours", "closed-set", targeted=True)) == Identity(gallery, other, True)
    np.testing.assert_array_equal(goal(Row("ours", "lasting")).enrolled, enrolled[1])
    assert goal(Row("ours", "lasting", own=True)).distance(own) == 0
    aimed = goal(Row("ours", "dodging", targeted=True))
    assert aimed.targeted
    np.testing.assert_array_equal(aimed.enrolled, enrolled[other])


def test_work_is_spread_over_processes():
    with module.side_by_side(2) as spread:
        assert list(spread(pow, [2, 3], [4, 2])) == [16, 9]
    assert not multiprocessing.active_children()


def test_processes_end_with_the_one_that_is_told_to():
    workers = []

    def told_to_end():
        with module.side_by_side(2) as spread:
            assert list(spread(abs, [-1])) == [1]
            workers.extend(multiprocessing.active_children())
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)  # the signal is handled in the meantime

    with pytest.raises(SystemExit) as ended:
        told_to_end()
    assert ended.value.code == 143
    assert workers
    for worker in workers:
        worker.join(10)
        assert worker.exitcode is not None
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_means_are_over_successes_and_rates_over_all():
    photo = {
        "success": True,
        "agree": True,
        "versions_reached": {"png": True},
        "attempts": 1,
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
    assert row["jnd"] == HUMAN_DEFAULT
    ours = METHODS["ours"](False)
    assert row["budget"] == {"rounds": 1, "steps": ours.steps, "again": ours.again}
    assert row["versions"] == {"png": 1.0}


def test_what_is_seen_is_what_quality_says(photos, monkeypatch):
    from engine.metrics.quality import compare

    monkeypatch.setattr(metrics, "jod", lambda one, two: float(one.shape[0]))
    before = photos["astronaut"][:120, 160:280]
    after = before.copy()
    after[40:80, 40:80] ^= 1
    jnd = np.full(before.shape, 0.6, np.float32)
    face = Face((40, 40, 80, 80), None, 1.0, None)
    found = metrics.seen(before, after, jnd, face)
    wanted = compare(before, after, jnd=jnd, perceptual=False)
    assert found["psnr_db"] == wanted.psnr_db
    assert found["ssim"] == wanted.ssim
    assert found["delta_e_99"] == wanted.delta_e_p99
    assert found["beyond_jnd_share"] == wanted.beyond_jnd_share == 0  # half a level is forgiven
    assert found["jod"] == 80  # of the face and half its width on each side
    assert perceptual.jod is not metrics.jod


def test_the_last_bits_of_descriptors_are_the_processors():
    random = np.random.default_rng(0)
    enrolled = random.normal(size=(3, 6, 128)).astype(np.float32)
    face, pixels = Face((1, 2, 3, 4), None, 1.0, None), np.zeros((5, 5, 3), np.uint8)

    def mark(enrolled, pixels=pixels, face=face):
        gallery = Gallery.enrol({str(k): each for k, each in enumerate(enrolled)})
        subjects = [Subject(str(k), k, pixels, face, each, 0) for k, each in enumerate(enrolled)]
        return digest(gallery, subjects)

    known = mark(enrolled)
    assert mark(enrolled * np.float32(1 + 1e-6)) == known
    assert mark(enrolled[:2]) != known
    assert mark(enrolled[:, :5]) != known
    assert mark(enrolled, pixels + np.uint8(1)) != known
    assert mark(enrolled, face=Face((1, 2, 3, 5), None, 1.0, None)) != known


@needs_lfw
def test_a_row_is_measured_and_not_measured_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "threshold_model", flat_eye)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(metrics, "jod", lambda one, two: 9.9)
    module.bench.cache_clear()
    arguments = (str(LFW), ONLOOKER, None, "python -m training evaluate cloak", tmp_path)
    choices = {"only": "closed-set-fgv", "workers": 1, "people": 2}
    path = evaluate_cloak(*arguments, **choices)
    files = sorted(tmp_path.glob("measured/cloak/*.json"))
    assert len(files) == 2  # targeted and not, one batch each
    found = [photo for file in files for photo in record.read_json(file)["value"]]
    assert len(found) == 4
    assert all(each["agree"] for each in found)
    assert all(each["psnr_db"] > 30 and each["ssim"] > 0.8 for each in found if each["success"])
    assert "2 photos" in capsys.readouterr().err
    result = record.read_json(path)
    assert path.parent == tmp_path / "results"
    assert [row["method"] for row in result["rows"]] == ["fgv", "fgv"]
    assert {row["n"] for row in result["rows"]} == {2}
    assert "lasting-ours" in result["missing"]  # said, not passed over
    for path in files:
        path.rename(path.with_suffix(".kept"))
    again = record.read_json(evaluate_cloak(*arguments, **choices))
    assert again["rows"] == result["rows"]  # from what is published: runs/ may be lost
    assert not any(path.exists() for path in files)
    for path in files:
        path.with_suffix(".kept").rename(path)
    times = [path.stat().st_mtime_ns for path in files]
    path = evaluate_cloak(str(LFW), ONLOOKER, 1, "a look", tmp_path, **choices)
    assert [path.stat().st_mtime_ns for path in files] == times
    assert path.parent == tmp_path / "cloak"  # a look publishes nothing
    module.bench.cache_clear()


@needs_lfw
def test_pairs_are_told_apart(tmp_path, monkeypatch):
    from training.evaluate.cloak.recogniser import evaluate_recogniser

    monkeypatch.setattr(record, "RESULTS", tmp_path)
    path = evaluate_recogniser(str(LFW), ONLOOKER, 20, tmp_path, "the command")
    result = record.read_json(path)
    assert all(row["accuracy_cross_validated"] >= 0.8 for row in result["rows"])
    assert result["rows"][0]["accuracy"] >= 0.9
    assert result["rows"][0]["n_pairs"] >= 20


def test_methods_are_measured_on_the_panel(crops, tmp_path, monkeypatch):
    from engine.machine.jnd import MachineJND
    from training.data.labelled import LabelledImages
    from training.evaluate.cloak import classifier_attack

    answers = MachineJND(device="cpu").panel.predict_labels(crops)
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(
        classifier_attack, "load", lambda *where: LabelledImages(crops, answers[:, 0], "crops")
    )
    agreed = int((answers[:4] == answers[:4, :1]).all(1).sum())
    path = classifier_attack.evaluate_panel("", None, 2, "the command", tmp_path, ("fgsm", "ours"))
    result = record.read_json(path)
    fixed, ours = result["rows"]
    assert fixed["n"] == ours["n"] == min(2, agreed) > 0
    assert ours["success"] == 1
    assert ours["psnr_db"] > fixed["psnr_db"] or not fixed["success"]
    assert 0.9 < ours["ssim"] < 1
    assert result["command"] == "the command"
