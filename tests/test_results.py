"""The published numbers: from committed measurements of the weights that ship, nowhere else."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from engine.models import EMBEDDED
from training.figures import joins
from training.record import RESULTS, read_json
from training.tables import BLOCK, README, render

FIGURES = RESULTS / "figures"
CLASSIFIERS = RESULTS / "classifiers_cifar10.json"


@pytest.mark.parametrize(
    ("name", "target"),
    [("alexnet", 0.86), ("vgg", 0.90), ("resnet", 0.90), ("densenet", 0.90)],
)
def test_every_classifier_of_the_panel_reaches_its_target(name, target):
    rows = {row["classifier"]: row for row in read_json(CLASSIFIERS)["rows"]}
    panel = [classifier for classifier, row in rows.items() if row["in_the_panel"]]
    assert panel == ["alexnet", "vgg", "resnet", "densenet"]
    assert rows[name]["n_test"] == 10_000
    assert rows[name]["test_accuracy"] >= target


@pytest.mark.parametrize("name", ["classifiers_cifar10", "machine_cifar10"])
def test_a_result_says_how_it_was_measured(name):
    result = read_json(RESULTS / f"{name}.json")
    assert result["command"].startswith("python -m training evaluate")
    for key in ("hardware", "data", "versions", "rows", "weights"):
        assert result[key]


@pytest.mark.parametrize("name", ["classifiers_cifar10", "machine_cifar10"])
def test_results_are_of_the_weights_that_ship(name):
    provenance = json.loads((EMBEDDED / "provenance.json").read_text())["files"]
    measured = read_json(RESULTS / f"{name}.json")["weights"]
    for file, digest in measured.items():
        assert digest == provenance[file]["sha256"]


def test_rates_are_fractions_of_whole_images():
    result = read_json(RESULTS / "machine_cifar10.json")
    for row in [*result["rows"], *result["controls"], *result["verified"].values()]:
        each = row["rca_per_classifier"]
        assert row["rca"] == pytest.approx(sum(each.values()) / len(each))
        for rate in each.values():
            assert rate * row["n"] == pytest.approx(round(rate * row["n"]), abs=1e-6)
    assert all(row["rca"] == 1 for row in result["verified"].values())


def test_the_recogniser_is_as_good_as_it_is_said_to_be():
    row = read_json(RESULTS / "recogniser_lfw.json")["rows"][0]
    assert row["n_pairs"] >= 4000
    assert row["accuracy"] >= 0.98


def test_cloaks_hold_and_the_two_recognisers_agree():
    rows = read_json(RESULTS / "cloak_lfw.json")["rows"]
    assert all(row["recognisers_agree"] == 1 for row in rows)
    ours = [row for row in rows if row["method"] == "ours"]
    assert {row["protocol"] for row in ours} == {"closed-set", "dodging", "lasting"}
    for row in ours:
        assert row["success"] >= (0.95 if row["protocol"] == "lasting" else 1)


def test_training_went_the_right_way():
    result = read_json(RESULTS / "machine_cifar10.json")
    for name, history in result["history"].items():
        began = [0, *joins(result["training"][name], len(history)), len(history)]
        for start, end in pairwise(began):  # each preset asks for something else
            first, last = history[start], history[end - 1]
            assert last["loss"] < first["loss"]
            assert min(last["train_rca"].values()) > min(first["train_rca"].values())
        first, last = history[0], history[-1]
        assert last["test"]["psnr_db"] < first["test"]["psnr_db"]  # a larger change is tolerated
        assert len([row for row in history if "jnd_maps" in row]) == 4  # as paper A's Fig. 8


def test_a_training_that_goes_on_is_marked_where_it_does():
    first = {"preset": {"epochs": 12}}
    second = {"preset": {"epochs": 6}, "earlier": first}
    third = {"preset": {"epochs": 4}, "earlier": second}
    assert joins(first, 12) == []
    assert joins(third, 22) == [12, 18]
    assert joins(third, 10) == [6]  # the first twelve are not known any more


def test_the_readme_says_what_the_results_say():
    text = README.read_text()
    assert len(BLOCK.findall(text)) >= 3
    assert text.count("<!-- table:") == text.count("<!-- end:") == len(BLOCK.findall(text))
    assert render(text) == text


def test_the_figures_are_drawn_from_the_results(tmp_path, monkeypatch):
    from PIL import Image

    from training import figures

    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    drawn = figures.draw()
    assert {path.name for path in drawn} == {path.name for path in FIGURES.iterdir()}
    for path in drawn:
        with Image.open(path) as image:
            assert min(image.size) > 200
