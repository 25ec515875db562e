"""The evaluation of recognisers: its groups of people, its rates, and a small run of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from engine.networks.faces.faceres import load_faceres
from training.data.groups import group
from training.data.lfw import Pair
from training.evaluate.faces.distances import apart, area, between, threshold_at
from training.evaluate.faces.recognisers import evaluate_recognisers, measured, photos_of, within
from training.records import record
from training.results.cloak.recognisers import TABLES

LFW = Path("../shared/data/lfw")


def test_a_person_is_always_of_one_group():
    names = [f"Person_{number}" for number in range(500)]
    groups = [group(name) for name in names]
    assert set(groups) == set(range(5))
    assert groups == [group(name) for name in names]


def test_distances_are_of_different_people_and_of_one():
    embeddings = np.array([[0, 0], [3, 4], [0, 1]], np.float32)
    np.testing.assert_allclose(apart(embeddings, embeddings)[0], [0, 5, 1], atol=1e-6)
    people = ["a", "b", "a"]
    np.testing.assert_allclose(sorted(between(embeddings, people)), [18**0.5, 5], rtol=1e-6)
    photos = [("a", 1), ("b", 1), ("a", 2)]
    vectors = dict(zip(photos, embeddings, strict=True))
    assert within(vectors, photos) == pytest.approx([1])


def test_the_area_under_the_curve_is_how_often_a_same_pair_is_closer():
    random = np.random.default_rng(0)
    same, different = random.normal(0, 1, 200), random.normal(1, 1, 300)
    each = (same[:, None] < different[None]).mean()
    assert area(same, different) == pytest.approx(each)
    assert area(same, same) == pytest.approx(0.5)
    assert threshold_at(np.arange(1001.0), 0.01) == pytest.approx(10)


def test_thresholds_come_from_other_people_than_the_rates():
    """Embeddings of people who lie on a line, one recogniser that is wrong about a few."""
    random = np.random.default_rng(1)
    deciding = [(f"d{person}", k) for person in range(40) for k in (1, 2)]
    reported = [(f"r{person}", k) for person in range(40) for k in (1, 2)]
    places = {name: random.normal(0, 1, 16) for name, _ in (*deciding, *reported)}
    vectors = {
        photo: (places[photo[0]] + random.normal(0, 0.1, 16)).astype(np.float32)
        for photo in (*deciding, *reported)
    }
    pairs = [Pair((f"r{k}", 1), (f"r{k}", 2), True) for k in range(40)]
    pairs += [Pair((f"r{k}", 1), (f"r{k + 1}", 2), False) for k in range(39)]
    row = measured("dlib", vectors, deciding, reported, pairs)
    assert (row["n_same"], row["n_different"]) == (40, 39)
    assert row["area_under_curve"] == row["most_accurate"]["accuracy"] == 1
    assert row["as_used"]["threshold"] == 0.6
    at = row["at_false_matches"]["0.01"]
    assert at["matches"] == 1
    assert 0 < at["false_matches"] < 0.04
    for name, vector in vectors.items():  # the reported people alone are taken for one another
        vectors[name] = vector * (0.01 if name[0].startswith("r") else 1)
    worse = measured("dlib", vectors, deciding, reported, pairs)
    assert worse["at_false_matches"]["0.01"]["threshold"] == at["threshold"]
    assert worse["at_false_matches"]["0.01"]["false_matches"] == 1


def test_photos_are_those_of_the_groups():
    pairs = [Pair(("a", 1), ("b", 2), False), Pair(("b", 2), ("b", 1), True)]
    assert photos_of(pairs, (group("b"),))[-2:] == [("b", 1), ("b", 2)]
    assert photos_of(pairs, ()) == []


@pytest.mark.skipif(not LFW.is_dir(), reason="LFW is not here")
def test_a_look_at_a_few_photos(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    whole = tmp_path / "whole.safetensors"
    state = load_faceres().state_dict()
    save_file({name: value.contiguous() for name, value in state.items()}, whole)
    path = evaluate_recognisers(str(LFW), whole, 24, tmp_path, "the command")
    result = record.read_json(path)
    assert path == tmp_path / "recognisers" / "recognisers.json"  # a look publishes nothing
    names = [row["recogniser"] for row in result["rows"]]
    assert names == ["dlib", "faceres", "faceres, as published"]
    assert all(row["area_all_pairs"] > 0.9 for row in result["rows"])
    assert result["rows"][2]["cosine_to_8_bits"]["least"] == pytest.approx(1, abs=1e-5)
    assert "Not measured yet" in TABLES["recognisers"]()
    path.parent.rename(record.RESULTS)
    assert "| faceres |" in TABLES["recognisers"]()
