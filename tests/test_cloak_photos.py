"""The attacks on photos: the plan and its budget, toy classifiers, two photos, the tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_classifier
from torch import nn
from toy_classifier import Toy, problem_on

from engine.attack.loop import Search, last
from engine.attack.methods import METHODS, READS_JND
from engine.images.picture import to_batch, to_pixels
from training.data.labelled import DataError
from training.data.photographs import Photograph, Photographs
from training.evaluate.cloak.plan import MAIN
from training.evaluate.cloak_photos import plan as module
from training.evaluate.cloak_photos import run, subject
from training.evaluate.cloak_photos.plan import BUDGET, PANEL, WEIGHTED, Row, plan, targets
from training.records import record
from training.results.cloak import photos as tables
from training.results.tables import render

toy, pictures = toy_classifier.toy, toy_classifier.pictures


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("name", METHODS)
def test_no_picture_takes_more_than_the_budget(name, targeted, toy, pictures):
    row = Row(name, targeted)
    search = Search(problem_on(toy, pictures, targeted, margin=0.01), row.choices)
    end = last(search.steps(max_gradients=BUDGET))
    assert 0 < int(end.gradients.max()) <= BUDGET
    if name.startswith("ours"):
        assert end.found.all()  # within it, the polish included


def test_without_the_limit_a_method_has_its_own_budget(toy, pictures):
    def gradients(limited):
        row = Row("cw", False, limited=limited)
        search = Search(problem_on(toy, pictures), row.choices)
        return int(last(search.steps(max_gradients=row.budget)).gradients.max())

    assert gradients(True) <= BUDGET < gradients(False)


def test_a_round_that_the_rest_does_not_suffice_for_is_not_begun(toy, pictures):
    method = replace(Row("cw", False, limited=False).choices, steps=7)
    end = last(Search(problem_on(toy, pictures), method).steps(max_gradients=20))
    assert end.gradients.tolist() == [14] * len(pictures)


def test_the_plan_has_every_method_and_the_anchor_of_every_weighted_row():
    rows = plan()
    assert len({row.name for row in rows}) == len(rows)
    for targeted in (False, True):
        alike = [r for r in rows if r.targeted == targeted and r.limited and len(r.attacked) == 1]
        assert set(MAIN) <= {row.method for row in alike if row.photos == module.COUNT}
    photos = {row.method: row.photos for row in rows if not row.targeted and row.limited}
    for name, anchor in WEIGHTED.items():
        assert name in READS_JND
        assert anchor not in READS_JND
        if name.startswith("paper"):
            assert photos[name] == photos[anchor]
    assert max(row.photos for row in plan(7)) == 7


def test_ours_with_another_loss_is_a_row_of_its_own(toy, pictures):
    pixels = to_pixels(pictures.numpy())
    rows = Row("ours", True), Row(module.OURS_CE, True)
    assert run.row_key(rows[0], None, pixels) != run.row_key(rows[1], None, pixels)
    problem = problem_on(toy, pictures, True, margin=0.01)
    ends = [last(Search(problem, row.choices).steps(max_gradients=BUDGET)) for row in rows]
    assert ends[0].found.all()
    assert ends[1].found.all()
    assert not torch.equal(ends[0].best, ends[1].best)
    assert rows[1].jnd == rows[0].jnd


def test_a_target_is_any_other_label_and_the_same_for_more_photos():
    labels = np.arange(1000) % 5
    aims = targets(labels, 5)
    assert (aims != labels).all()
    assert np.bincount((aims - labels) % 5, minlength=5)[1:].min() > 200
    np.testing.assert_array_equal(targets(labels[:9], 5), aims[:9])


class ToyPanel:
    """Three toys in the place of the exported panel, at 16×16 pixels."""

    classes = tuple("abcde")

    def __init__(self, *_, **__):
        self.networks = toys()

    def view(self, pixels):
        return pixels

    def predict_labels(self, pixels):
        batch = torch.from_numpy(to_batch(pixels))
        with torch.no_grad():
            scores = [network(batch) for network in self.networks.classifiers.values()]
        return torch.stack(scores, 1).argmax(2).numpy()


def toys(*_):
    torch.manual_seed(1)
    first = Toy()
    torch.manual_seed(1)
    second = Toy()
    with torch.no_grad():
        second.first.weight.mul_(1.01)
    networks = {"lite0": first, "lite1": second, "lite2": second}
    return subject.Networks(networks).eval().requires_grad_(False)


def photographs(pictures: torch.Tensor, labels: list[int | None]) -> Photographs:
    pairs = zip(to_pixels(pictures.numpy()), labels, strict=True)
    return Photographs(tuple(Photograph(pixels, "", label) for pixels, label in pairs), "toys")


def test_photos_are_those_that_all_classify_rightly(pictures):
    panel = ToyPanel()
    (label, *_), *others = panel.predict_labels(to_pixels(pictures.numpy())).tolist()
    photos = photographs(pictures, [label + 1, *(each[0] for each in others)])
    found = subject.chosen(photos, panel, 2)
    np.testing.assert_array_equal(found.pixels, to_pixels(pictures[1:3].numpy()))
    assert found.passed_over == 1
    assert len(subject.chosen(photographs(pictures, [None] * 4), panel, 9).pixels) == 4
    with pytest.raises(DataError, match="toys: the classifiers agree on none"):
        subject.chosen(photographs(pictures, [99] * 4), panel, 1)


@pytest.fixture
def measured(tmp_path, monkeypatch, pictures) -> dict:
    """The result of a few rows against the toys."""
    monkeypatch.setattr(subject, "Panel", ToyPanel)
    monkeypatch.setattr(subject, "stored_photo_panel", toys)
    photos = photographs(pictures, [None] * 4)
    monkeypatch.setattr(subject, "load_photographs", lambda *_, **__: photos)
    flat = lambda images, _: np.full(images.shape, 4, np.float32)  # noqa: E731
    monkeypatch.setattr(subject, "eye", flat)
    monkeypatch.setattr(subject, "viewed", lambda before, after: 9.9)
    for place in (record, run):
        monkeypatch.setattr(place, "RESULTS", tmp_path)
    rows = [
        *(Row(name, aim, photos=4) for name in ("bim", "advjnd", "ours") for aim in (False, True)),
        Row("ours", False, PANEL, 4),
        Row("ours", False, photos=4, limited=False),
    ]
    monkeypatch.setattr(run, "plan", lambda count: rows)
    subject.bench.cache_clear()
    yield evaluated(tmp_path)
    subject.bench.cache_clear()


def evaluated(folder: Path) -> dict:
    runs = folder / "runs"
    path = run.evaluate_cloak_photos(folder, None, None, "the command", runs, workers=1)
    return record.read_json(path)


def test_rows_are_measured_on_the_same_photos(measured):
    rows = measured["rows"]
    assert {row["n"] for row in rows} == {4}
    assert len({row["decided_by"]["images"] for row in rows}) == 1
    assert measured["missing"] == []
    ours = next(row for row in rows if row["method"] == "ours" and not row["targeted"])
    assert ours["success"] == 1
    assert ours["psnr_db"] > 30
    assert ours["success_at_db"]["40"] >= ours["success_at_db"]["60"]
    assert set(ours["transfer"]) == set(PANEL[1:])
    together = next(row for row in rows if len(row["attacked"]) == len(PANEL))
    assert together["transfer"] == {}
    assert together["success"] == 1


def test_what_is_measured_is_not_measured_again(measured, tmp_path, monkeypatch):
    def fails(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr(subject.Bench, "batch", fails)
    assert evaluated(tmp_path)["rows"] == measured["rows"]
    published = tmp_path / f"{run.NAME}.json"
    published.unlink()
    assert evaluated(tmp_path)["rows"] == measured["rows"]  # from the batches
    monkeypatch.setattr(run, "MARGIN", 0.5)
    with pytest.raises(AssertionError, match="measured again"):
        evaluated(tmp_path)


def test_failures_count_in_the_rates_only():
    won = {"success": True, "transfer": {"b": True}, "gradients": 10, "seconds": 1.0}
    won |= {"psnr_db": 45.0, "ssim": 0.9, "jod": 9.0}
    lost = {"success": False, "transfer": {"b": True}, "gradients": 30, "seconds": 3.0}
    row = run.summary(Row("bim", False), [won, lost, lost, won | {"transfer": {"b": False}}])
    assert row["success"] == 0.5
    assert row["success_standard_error"] == 0.25
    assert row["success_at_db"] == {"40": 0.5, "50": 0, "60": 0}
    assert row["transfer"] == {"b": 0.5}
    assert row["gradients"] == 20
    assert (row["psnr_db"], row["psnr_db_std"]) == (45, 0)
    assert "psnr_db" not in run.summary(Row("bim", False), [lost])


@pytest.mark.parametrize("name", tables.TABLES)
def test_a_table_is_made_of_results(name, measured, tmp_path):
    text = render(f"<!-- table: {name} -->\nstale\n<!-- end: {name} -->\n")
    assert "stale" not in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == {"cloak_photos_jnd": 8, "cloak_photos_few": 4}.get(name, 5)
    path = tmp_path / f"{run.NAME}.json"
    rows = [row | {"success": 0.0} for row in measured["rows"]]
    for row in rows:
        for key in ("psnr_db", "ssim", "jod", "delta_e_99", "beyond_jnd_share", "transfer"):
            del row[key]
    path.write_text(json.dumps(measured | {"rows": rows}))
    assert "0 % ± 0" in render(text) or "– | –" in render(text)


def test_the_embedded_panel_is_deceived(photos, tmp_path, monkeypatch):
    found = tuple(Photograph(pixels, name) for name, pixels in photos.items())
    monkeypatch.setattr(subject, "load_photographs", lambda *_, **__: Photographs(found, ""))
    flat = lambda images, _: np.full(images.shape, 4, np.float32)  # noqa: E731
    monkeypatch.setattr(subject, "eye", flat)
    monkeypatch.setattr(subject, "viewed", lambda before, after: None)
    here = subject.Bench(subject.Setting(tmp_path, None, 1, torch.get_num_threads()))
    (result,) = here.batch(Row("jndmga", False), [0])
    assert result["success"]
    assert 40 < result["psnr_db"] < 90
    assert isinstance(here.networks[PANEL[0]], nn.Module)
