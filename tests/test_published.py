"""Every published row is valid as it is, and measured anew where what decided it changes."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from engine.machine import homogeneity
from engine.machine import jnd as machine_jnd
from engine.models.registry import BEST, GENERATORS, PANEL, UNSEEN
from training.evaluate.cloak import classifier_attack, held_out_recogniser, plan
from training.evaluate.cloak import keys as cloak_keys
from training.evaluate.cloak import run as evaluate_cloak
from training.evaluate.human import compared, picture
from training.evaluate.human import run as evaluate_human
from training.evaluate.machine import experiments
from training.evaluate.machine import run as evaluate
from training.records import keys, record, versions
from training.records.record import RESULTS, read_json


class MeasuredAnewError(Exception):
    """Of something that was to be kept."""


def fails(*what, **_):
    raise MeasuredAnewError(*what)


def copied(tmp_path, monkeypatch, name, *modules):
    """The published result in a folder of its own, where it is written anew."""
    before = read_json(RESULTS / f"{name}.json")
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / f"{name}.json").write_text(json.dumps(before))
    for module in (record, *modules):
        monkeypatch.setattr(module, "RESULTS", folder)
    return before


@pytest.fixture
def cloaks(tmp_path, monkeypatch):
    """The published rows, and what evaluates them with no photo there and nothing to measure."""
    before = copied(tmp_path, monkeypatch, "cloak_lfw", evaluate_cloak)
    people = [SimpleNamespace(skipped=0)] * before["photos"]
    gallery = SimpleNamespace(names=range(before["people"]), temperature=before["temperature"])
    digest = before["rows"][0]["decided_by"]["gallery"]
    bench = SimpleNamespace(digest=digest, subjects=people, gallery=gallery)
    monkeypatch.setattr(evaluate_cloak, "Cloak", lambda eye: None)
    monkeypatch.setattr(evaluate_cloak, "enrolled", lambda *_: tmp_path)
    monkeypatch.setattr(evaluate_cloak, "bench", lambda setting: bench)
    monkeypatch.setattr(cloak_keys, "available_cores", lambda: before["latency"][0]["threads"])
    monkeypatch.setattr(evaluate_cloak, "cloak_batch", lambda _, line, key: fails(line.name))
    monkeypatch.setattr(evaluate_cloak, "Bench", fails)

    def again(**choices):
        path = evaluate_cloak.evaluate_cloak(
            "", None, None, before["command"], tmp_path, workers=1, **choices
        )
        return read_json(path)

    return before, again, bench


def test_no_cloak_is_measured_again(cloaks):
    before, again, _ = cloaks
    found = again()
    assert found["rows"] == before["rows"]
    assert found["latency"] == before["latency"]
    assert found["missing"] == []
    assert found["latencies_missing"] == 0


def another(monkeypatch, module, name, value):
    monkeypatch.setattr(module, name, value)


CHANGES = {
    "seed": lambda m: another(m, cloak_keys, "SEED", 1),
    "batch": lambda m: another(m, cloak_keys, "BATCH", 5),
    "threshold": lambda m: another(m, cloak_keys, "SAME", 0.5),
    "margins": lambda m: another(m, keys, "EXACT", replace(keys.EXACT, margins=(0.1,))),
    "descent": lambda m: another(m, keys.methods, "DESCENT", 0.2),
    "power": lambda m: another(m, keys.ours, "POWER", 0.3),
    "attack": lambda m: m.setitem(versions.METHOD_VERSIONS["attack"], "paper", 2),
    "loop": lambda m: m.setitem(versions.METHOD_VERSIONS, "loop", 2),
    "metric": lambda m: m.setitem(versions.METRIC_VERSIONS, "ssim", 2),
    "recogniser": lambda m: another(
        m, cloak_keys, "locate", lambda name: SimpleNamespace(sha256="another")
    ),
    "onlooker": lambda m: another(m, cloak_keys, "SHA256", "another"),
    "jnd": lambda m: m.setitem(keys.JND_VERSIONS, "hvs-sd", 3) or m.setattr(keys, "STANDING", {}),
    "standing": lambda m: m.setattr(keys, "STANDING", {}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_cloak_is_measured_anew_where_what_decided_it_changes(change, cloaks, monkeypatch):
    _, again, _ = cloaks
    CHANGES[change](monkeypatch)
    with pytest.raises(MeasuredAnewError):
        again()


def test_another_gallery_has_every_cloak_measured_anew(cloaks):
    _, again, bench = cloaks
    bench.digest = "of other photos"
    with pytest.raises(MeasuredAnewError):
        again()


def test_a_method_s_new_version_concerns_its_rows_alone(cloaks, monkeypatch):
    _, again, _ = cloaks
    monkeypatch.setitem(versions.METHOD_VERSIONS["attack"], "fgsm", 2)
    assert again(only="-ours")["missing"]
    with pytest.raises(MeasuredAnewError, match="fgsm"):
        again()


def test_a_row_says_which_version_of_the_jnd_it_was_made_with():
    result = read_json(RESULTS / "cloak_lfw.json")
    now = versions.JND_VERSIONS["hvs-sd"]
    for row in result["rows"]:
        for jnd in (row["decided_by"]["jnd"], row["decided_by"]["reported"]):
            if jnd["name"] == "hvs-sd":
                known = versions.STANDING["hvs-sd"] | {now: keys.jnd_key("hvs-sd")["weights"]}
                assert known[jnd["version"]] == jnd["weights"]
                assert result["jnd_weights"]["hvs-sd"][str(jnd["version"])] == jnd["weights"]
                assert row["sample"] == (jnd["version"] == now)


def test_every_method_and_jnd_has_a_version():
    assert set(versions.METHOD_VERSIONS["attack"]) == {row.method for row in plan.plan()}
    assert set(versions.METHOD_VERSIONS["machine"]) == set(experiments.SECTIONS)
    assert versions.JND_VERSIONS["hvs-sd"] == keys.jnd_key("hvs-sd")["version"]


def test_no_key_knows_where_code_lies():
    line = plan.row("ours", "lasting")
    texts = [json.dumps(cloak_keys.row_keys(line, "a", None))]
    texts += [json.dumps(keys.section_key(section)) for section in experiments.SECTIONS]
    for text in texts:
        assert not [word for word in (".py", ".onnx", "engine", "training", "/") if word in text]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    before = copied(tmp_path, monkeypatch, "machine_cifar10")
    decided = before["origin"]["rows"][BEST]["decided_by"]
    subject = SimpleNamespace(
        weights=None,
        generators=list(GENERATORS),
        best=BEST,
        unseen=UNSEEN,
        models=(*PANEL, *GENERATORS.values(), *UNSEEN),
        source=before["data"],
        digest=lambda split: decided["pictures"][split],
    )
    monkeypatch.setattr(evaluate, "Subject", lambda *_: subject)
    monkeypatch.setattr(evaluate, "SECTIONS", dict.fromkeys(evaluate.SECTIONS, fails))

    def again():
        path = evaluate.evaluate_machine("", None, None, tmp_path, before["command"])
        return read_json(path)

    return before, again, decided


def test_no_section_of_the_machine_is_measured_again(machine):
    before, again, _ = machine
    assert again() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda m, _: m.setattr(experiments, "SEED", 1),
        lambda m, _: m.setattr(experiments, "STRENGTHS", (1.0,)),
        lambda m, _: m.setattr(experiments, "SEARCHED", 4),
        lambda m, _: m.setattr(homogeneity, "HALVINGS", 4),
        lambda m, _: m.setattr(machine_jnd, "VARIATIONS", ()),
        lambda m, _: m.setattr(keys.baselines, "HALVINGS", 3),
        lambda m, _: m.setattr(keys.per_image, "MARGIN", 0.3),
        lambda m, _: m.setitem(versions.METHOD_VERSIONS["machine"], "unseen", 2),
        lambda m, _: m.setitem(versions.METRIC_VERSIONS, "rca", 2),
        lambda m, _: m.setattr(evaluate, "digest", lambda *_: "of other weights"),
        lambda _, decided: decided["pictures"].update(train="other pictures"),
    ],
)
def test_a_section_is_measured_anew_where_what_decided_it_changes(change, machine, monkeypatch):
    _, again, decided = machine
    change(monkeypatch, decided)
    with pytest.raises(MeasuredAnewError):
        again()


@pytest.fixture
def human(tmp_path, monkeypatch):
    before = copied(tmp_path, monkeypatch, "human_kodak")
    whole = before["rows"][0]["decided_by"]["pictures"]
    first = before["speed"]["chou1995"]["decided_by"]["picture"]
    photos = SimpleNamespace(images=[None] * 24, source=before["data"])
    photos.first = lambda count: photos
    monkeypatch.setattr(evaluate_human, "load_photos", lambda *_: photos)
    digests = {24: whole, 1: first}
    monkeypatch.setattr(evaluate_human, "digest_of", lambda images: digests[len(images)])
    for name in ("measure", "clocked"):
        monkeypatch.setattr(evaluate_human, name, fails)
    for name in ("thresholds", "uniform"):
        monkeypatch.setattr(compared, name, fails)

    def again():
        path = evaluate_human.evaluate_human("", None, None, tmp_path, "default", before["command"])
        return read_json(path)

    return before, again


def test_no_human_jnd_is_measured_again(human):
    before, again = human
    assert again() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.setattr(picture, "SEED", 1),
        lambda m: m.setattr(picture, "CLOSE", 0.1),
        lambda m: m.setitem(keys.JND_VERSIONS, "wu2017", 2),
        lambda m: m.setitem(versions.METRIC_VERSIONS, "vif", 2),
        lambda m: m.setitem(versions.METRIC_VERSIONS, "speed", 2),
        lambda m: m.setattr(keys, "locate", lambda *_: SimpleNamespace(sha256="of other weights")),
    ],
)
def test_a_human_jnd_is_measured_anew_where_what_decided_it_changes(change, human, monkeypatch):
    _, again = human
    change(monkeypatch)
    with pytest.raises(MeasuredAnewError):
        again()


def test_no_attack_on_the_panel_is_measured_again(tmp_path, monkeypatch):
    import numpy as np

    from training.data.labelled import LabelledImages

    before = copied(tmp_path, monkeypatch, "panel_cifar10")
    images = np.zeros((40, 2, 2, 3), np.uint8)
    labels = np.zeros(40, int)
    monkeypatch.setattr(
        classifier_attack, "load", lambda *_: LabelledImages(images, labels, before["data"])
    )
    alike = SimpleNamespace(predict_labels=lambda pixels: np.zeros((len(pixels), 4), int))
    monkeypatch.setattr(classifier_attack, "MachineJND", lambda **_: SimpleNamespace(panel=alike))
    digest = before["rows"][0]["decided_by"]["images"]
    monkeypatch.setattr(classifier_attack, "digest_of", lambda _: digest)
    monkeypatch.setattr(classifier_attack, "measure", fails)

    def again():
        path = classifier_attack.evaluate_panel("", None, None, before["command"], tmp_path)
        return read_json(path)

    assert again() == before
    monkeypatch.setattr(classifier_attack, "MARGIN", 0.5)
    with pytest.raises(MeasuredAnewError):
        again()


def test_the_onlooker_is_pinned():
    digests = {
        row["decided_by"]["onlooker"] for row in read_json(RESULTS / "cloak_lfw.json")["rows"]
    }
    assert digests == {held_out_recogniser.SHA256}
