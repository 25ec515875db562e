"""The evaluation of protection: who serves for what, its rows, a small run, and its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.faces.finder import load_finder
from engine.faces.recognisers import RECOGNISERS
from training.data.groups import FRAMING, REPORTED, THRESHOLDS, group
from training.data.lfw import People
from training.evaluate.protection import plan, portraits, run
from training.evaluate.protection.people import GALLERY, PROBES, matched, persons
from training.records import record
from training.results.cloak import protection

LFW = Path("../shared/data/lfw")
PORTRAITS = Path("../shared/data/portraits")
needs_portraits = pytest.mark.skipif(not PORTRAITS.is_dir(), reason="the portraits are not here")
needs_lfw = pytest.mark.skipif(not LFW.is_dir(), reason="LFW is not here")


def test_nobody_serves_for_two():
    assert not {*FRAMING} & {*REPORTED}
    assert not {*THRESHOLDS} & {*REPORTED, *FRAMING}


@needs_lfw
def test_no_photo_of_a_person_serves_for_two():
    for part, groups in (("choose", FRAMING), ("report", REPORTED)):
        for person in persons(People(LFW), load_finder(), part, 2):
            assert group(person.name) in groups
            photos = [person.pixels, *(each[0] for each in (*person.gallery, *person.probes))]
            assert len(photos) == 1 + GALLERY + PROBES
            assert len({pixels.tobytes() for pixels in photos}) == len(photos)


def test_rows_have_names_and_settings_of_their_own():
    rows = plan.rows()
    assert len({row.name for row in rows}) == len(rows)
    decided = [(repr(row.settings), row.against, row.jnd) for row in rows]
    assert len(set(decided)) == len(rows)
    assert all(set(row.against) <= set(RECOGNISERS) for row in rows)


def test_shares_of_matches():
    assert matched([0.1, 0.2, 0.9, 0.3], 0.25) == 0.5


def numbers(own: float, others: list[float], psnr: float | None = 40.0) -> dict:
    names = (*RECOGNISERS, run.BLACK)
    each = {name: {"own": own, "others": others} for name in names}
    return {
        "psnr_db": psnr,
        "face_psnr_db": psnr,
        "face_ssim": 0.9,
        "jod": 9.5,
        "jod_twice": 9.2,
        "seconds": 1.0,
        "distances": {"png": each, "jpeg75": each},
    }


def test_a_row_is_a_mean_over_people_and_becomes_a_table(monkeypatch):
    row = plan.Row("protect 35", lambda cloak, person: person.pixels, {})
    limits = {name: {"0.01": 0.5, "0.001": 0.3} for name in (*RECOGNISERS, run.BLACK)}
    photos = [numbers(0.4, [0.4, 0.6]), numbers(0.6, [0.6, 0.6], None)]
    found = run.summary(row, photos, limits)
    assert found["psnr_db"] == 40
    at = found["black box, png, 0.01"]
    assert at["others"] == 0.25
    assert at["own"] == 0.5
    assert at["others_error"] == pytest.approx(np.std([0.5, 0]) / 2**0.5)
    assert found["black box, jpeg75, 0.001"]["others"] == 0
    result = {"rows": [found], "n": 2, "probes": 4, "gallery": 3, "seed": 0}
    result |= {"data": "lfw", "hardware": "a processor", "command": "evaluate protection"}
    monkeypatch.setattr(record, "published", lambda name: result)
    text = protection.TABLES["protection"]()
    assert "| protect 35 | 40.0 ± 0.0 |" in text
    assert "25.0 ± 17.7 %" in text
    assert "not at hand" in protection.TABLES["protection_portraits"]()
    result["portraits"] = {"rows": [found], "n": 7, "probes": 4, "gallery": 0}
    assert "7 portraits" in protection.TABLES["protection_portraits"]()
    monkeypatch.setattr(record, "published", lambda name: None)
    for table in protection.TABLES.values():
        assert "Not measured yet" in table()


@needs_portraits
def test_a_portrait_is_compared_with_itself_as_it_may_be_elsewhere():
    (person,) = portraits.portraits(PORTRAITS, load_finder(), 1)
    assert person.name not in portraits.LOOKED_AT
    assert len(person.probes) == len(portraits.ELSEWHERE)
    assert not person.gallery
    for pixels, _ in person.probes:
        assert pixels.shape != person.pixels.shape or (pixels != person.pixels).any()
    rows = portraits.rows()
    assert len({row.name for row in rows}) == len(rows)


@needs_lfw
def test_a_look_is_of_the_people_for_choosing_and_without_the_black_box(tmp_path, monkeypatch):
    rows = plan.rows()
    clean = rows[0]
    strong = next(row for row in rows if row.name == "L∞ 16")
    monkeypatch.setattr(plan, "STEPS", 4)
    monkeypatch.setattr(run, "rows", lambda: [clean, strong])
    path = run.evaluate_protection(str(LFW), tmp_path / "none.onnx", 1, tmp_path, "a look")
    assert path.parent == tmp_path / "protection"
    found = record.read_json(path)
    assert found["n"] == 1
    assert set(found["thresholds"]) == set(RECOGNISERS)
    before, after = found["rows"]
    assert "psnr_db" not in before
    assert before["jod"] is None or before["jod"] > 9.99
    assert 25 < after["psnr_db"] < 36
    assert before["dlib, png, 0.01"]["own"] == 1
