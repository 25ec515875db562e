"""Evaluations whose results were published before they had keys: kept, resumed, measured anew."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from engine.models.registry import UNSEEN
from training.data.labelled import LabelledImages
from training.data.lfw import Pair
from training.evaluate.cloak import recogniser
from training.evaluate.machine import ablation, accuracy, fresh
from training.records import record
from training.records.record import RESULTS, read_json
from training.records.versions import METHOD_VERSIONS


class MeasuredError(Exception):
    """Something that was to be kept is measured."""


def fails(*_, **__):
    raise MeasuredError


def tiny(count: int, source: str) -> LabelledImages:
    return LabelledImages(np.zeros((count, 1, 1, 3), np.uint8), np.zeros(count, int), source)


def classifiers(before, patch, runs):
    patch.setattr(accuracy, "load", lambda *_: tiny(before["rows"][0]["n_test"], before["data"]))
    patch.setattr(accuracy, "unseen", lambda _: dict.fromkeys(UNSEEN))
    return accuracy.evaluate_classifiers("", None, None, runs, before["command"])


def fresh_classifiers(before, patch, runs):
    counts = {"train": before["n_train"], "test": before["rows"][0]["n"]}
    patch.setattr(fresh, "load", lambda _, split: tiny(counts[split], before["data"]))
    return fresh.evaluate_fresh("", None, None, runs, before["command"])


def variations(before, patch, runs):
    patch.setattr(ablation, "load", lambda *_: tiny(before["n_train"], before["data"]))
    panel = SimpleNamespace(to=lambda _: None)
    patch.setattr(ablation, "load_panel", lambda _: (panel, []))
    patch.setattr(ablation, "digest", lambda _: before["panel"])
    return ablation.evaluate_ablation("", None, runs, before["command"])


def verification(before, patch, runs):
    pairs, photos = (before["rows"][0][name] for name in ("n_pairs", "n_photos"))
    ring = [(k % photos + 1, (k + 1) % photos + 1) for k in range(pairs)]
    people = SimpleNamespace(
        pairs=[Pair(("a", one), ("a", two), same=k % 2 == 0) for k, (one, two) in enumerate(ring)],
        photos={"a": [str(k).encode() for k in range(photos)]},
    )
    patch.setattr(recogniser, "People", lambda _: people)
    return recogniser.evaluate_recogniser("", None, None, runs, before["command"])


# The evaluation with no real picture; its version's name; what measures; what it publishes; and an
# edit of the published result after which it is of something else.
EVALUATIONS = {
    "classifiers_cifar10": (
        classifiers,
        "accuracy",
        ((accuracy, "measure_panel"), (accuracy, "measure_alone")),
        ("rows", accuracy.AGREE),
        lambda result: result["weights"].update({"vgg-cifar10.onnx": "another"}),
    ),
    "fresh_cifar10": (
        fresh_classifiers,
        "fresh",
        ((fresh, "measure"),),
        ("rows",),
        lambda result: result.update(preset="thorough"),
    ),
    "ablation_cifar10": (
        variations,
        "ablation",
        ((ablation.Bench, "measure"),),
        ("rows",),
        lambda result: result["rows"][3]["preset"].update(beta=0.5),
    ),
    "recogniser_lfw": (
        verification,
        "verification",
        ((recogniser, "measure"),),
        ("rows", "photos_without_a_face"),
        lambda result: result["rows"][0].update(n_pairs=20),
    ),
}


def without_keys(result: dict) -> dict:
    """A published result as it was before what decided its rows was written beside them."""
    rest = {name: value for name, value in result.items() if name != "origin"}
    keys = ("decided_by", "made_with")
    rest["rows"] = [
        {name: value for name, value in row.items() if name not in keys} for row in result["rows"]
    ]
    return {name: value for name, value in rest.items() if name not in keys}


@pytest.fixture(params=EVALUATIONS)
def evaluation(request, tmp_path, monkeypatch):
    """A result as it was published, and what evaluates again: from it, or from another result."""
    before = without_keys(read_json(RESULTS / f"{request.param}.json"))
    evaluate, _, measures, *_ = EVALUATIONS[request.param]
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    for place, name in measures:
        monkeypatch.setattr(place, name, fails)

    def again(result=before):
        (tmp_path / f"{request.param}.json").write_text(json.dumps(result))
        return read_json(evaluate(before, monkeypatch, tmp_path / "runs"))

    return before, again, EVALUATIONS[request.param][1:]


def test_a_result_without_keys_is_kept_and_has_them_from_then_on(evaluation):
    before, again, (section, _, parts, _) = evaluation
    first = again()
    for part in (*parts, "hardware", "versions", "weights"):
        assert first[part] == before[part], part
    assert f'"section": "{section}", "version": 1' in json.dumps(first)
    assert again(first) == first


def test_another_version_is_measured_anew(evaluation, monkeypatch):
    before, again, (section, *_) = evaluation
    first = again()
    monkeypatch.setitem(METHOD_VERSIONS, section, 2)
    for result in (before, first):
        with pytest.raises(MeasuredError):
            again(result)


def test_a_result_of_something_else_is_measured_anew(evaluation):
    before, again, (*_, edit) = evaluation
    other = json.loads(json.dumps(before))
    edit(other)
    for result in (other, {}):
        with pytest.raises(MeasuredError):
            again(result)


class Stopping:
    """What is measured, of so many calls the last of which is interrupted."""

    def __init__(self, last: int):
        self.calls, self.last = [], last

    def __call__(self, call):
        if len(self.calls) == self.last:
            raise KeyboardInterrupt
        self.calls.append(call)


def test_a_stopped_ablation_goes_on(tmp_path, monkeypatch):
    before = read_json(RESULTS / "ablation_cifar10.json")
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(ablation, "STEPWISE", dict(list(ablation.STEPWISE.items())[:2]))
    monkeypatch.setattr(ablation, "SEEDS", (0, 1))
    stopping = Stopping(3)

    def measure(_, number, preset, command):
        stopping((number, preset.seed))
        return {"rca_at": number + 0.1 * preset.seed}

    monkeypatch.setattr(ablation.Bench, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        variations(before, monkeypatch, tmp_path)
    assert stopping.calls == [(0, 0), (1, 0), (0, 1)]
    stopping.last = None
    rows = read_json(variations(before, monkeypatch, tmp_path))["rows"]
    assert stopping.calls[3:] == [(1, 1)]
    assert [row["per_seed"] for row in rows] == [
        [{"rca_at": number}, {"rca_at": number + 0.1}] for number in (0, 1)
    ]


def test_a_stopped_verification_goes_on_with_the_next_block(tmp_path, monkeypatch):
    before = {"rows": [{"n_pairs": 40, "n_photos": 40}], "command": "the command"}
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(recogniser, "BLOCK", 16)
    for name in ("load_finder", "load_recogniser"):
        monkeypatch.setattr(recogniser, name, lambda: None)
    stopping = Stopping(2)

    def embed(people, finder, network, onlooker, photos):
        stopping(photos[0])
        rows = [np.cos(index + np.arange(128.0)) for _, index in photos]
        return [
            {"embedding": row.tolist(), "onlooker": None, "detected": index != 7}
            for row, (_, index) in zip(rows, photos, strict=True)
        ]

    monkeypatch.setattr(recogniser, "embed", embed)
    with pytest.raises(KeyboardInterrupt):
        verification(before, monkeypatch, tmp_path)
    stopping.last = None
    result = read_json(verification(before, monkeypatch, tmp_path))
    assert stopping.calls == [("a", 1), ("a", 17), ("a", 33)]
    assert result["photos_without_a_face"] == 1
    assert result["rows"][0]["n_photos"] == 40
