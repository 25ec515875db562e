"""Repositories as folders, and their cards: no number that was not measured on these very files."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from engine import __version__
from engine.errors import PublishError
from engine.models.locate import EMBEDDED
from engine.models.registry import MODELS
from export import card as cards
from export.push import TAG, check
from export.repository import assemble, assemble_all, repositories
from training.records import record
from training.results import tables

MACHINE = "just-noticeable/machine-jnd-cifar10"
NAMES = [name.partition("/")[2] for name in repositories()]
# Digits of a card's own words that are names, not measurements.
ARE_NAMES = re.compile(
    r"CIFAR-10|32×32|BSDS500|\[[^\]]*\]\([^)]*\)|`[^`]*`|(model|MobileNet) v1|VGGFace2|CC0|sha256"
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Repository's name -> its folder, from the embedded weights."""
    made = assemble_all(EMBEDDED, tmp_path_factory.mktemp("hub"))
    return {folder.name: folder for folder in made}


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """A copy of the results that cards are made from."""
    copy = tmp_path / "results"
    shutil.copytree(record.RESULTS, copy)
    for module in (record, cards):
        monkeypatch.setattr(module, "RESULTS", copy)
    return copy


def own_words(name: str) -> str:
    """A card's text without front matter, code and tables."""
    text = (cards.TEMPLATES / f"{name}.md").read_text()
    text = re.sub(r"^---\n.*?\n---\n|```.*?```", "", text, flags=re.DOTALL)
    return cards.BLOCK.sub("", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_has_the_parts_that_it_must_have(name):
    text = (cards.TEMPLATES / f"{name}.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    licences = {row.licence.lower() for row in repositories()[f"just-noticeable/{name}"]}
    assert {front["license"]} == licences
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    for part in ("Training data", "Measured", "Limits", "Responsible use"):
        assert part in headings
    assert "<!-- table: files -->" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_cards_own_words_hold_no_number(name):
    found = re.findall(r"\S*\d\S*", ARE_NAMES.sub("", own_words(name)))
    assert not found


@pytest.mark.parametrize("name", NAMES)
def test_every_table_of_a_card_is_known(name):
    text = (cards.TEMPLATES / f"{name}.md").read_text()
    named = {block[1] for block in cards.BLOCK.findall(text)} - {"files"}
    assert named
    assert named <= set(cards.MEASURED_IN) & set(tables.TABLES)


def test_a_measured_card_says_what_the_results_say(folders):
    text = (folders["machine-jnd-cifar10"] / "README.md").read_text()
    for row in record.read_json(record.RESULTS / "classifiers_cifar10.json")["rows"]:
        assert f"{100 * row['test_accuracy']:.2f} %" in text
    for row in record.read_json(record.RESULTS / "machine_cifar10.json")["rows"]:
        assert f"{100 * row['rca']:.2f} % ± {100 * row['rca_standard_error']:.2f}" in text
    assert "<!--" not in text


def test_a_changed_result_changes_the_card(folders, results):
    models = json.loads((folders["machine-jnd-cifar10"] / "config.json").read_text())["models"]
    path = results / "machine_cifar10.json"
    result = json.loads(path.read_text())
    result["rows"][0]["rca"] = 1.2345  # no measurement says so
    path.write_text(json.dumps(result))
    assert "123.45 %" in cards.card("machine-jnd-cifar10", models)
    assert "123.45 %" not in (folders["machine-jnd-cifar10"] / "README.md").read_text()


def test_without_results_a_card_says_so_and_no_number(results):
    shutil.rmtree(results)
    for name in NAMES:
        text = cards.card(name, [])
        measured = text.partition("## Measured")[2].partition("## Limits")[0]
        assert cards.NOT_MEASURED in measured
        assert not re.search(r"\d", measured)


def test_numbers_of_other_files_are_not_shown(folders):
    models = json.loads((folders["machine-jnd-cifar10"] / "config.json").read_text())["models"]
    retrained = [dict(models[0], sha256="0" * 64), *models[1:]]
    text = cards.card("machine-jnd-cifar10", retrained)
    assert cards.NOT_THESE in text
    assert "%" not in text


def test_a_missing_section_is_not_measured(folders, results):
    models = json.loads((folders["machine-jnd-cifar10"] / "config.json").read_text())["models"]
    path = results / "machine_cifar10.json"
    result = json.loads(path.read_text())
    shown = cards.card("machine-jnd-cifar10", models)
    del result["homogeneity"]
    path.write_text(json.dumps(result))
    less = cards.card("machine-jnd-cifar10", models)
    assert less.count(cards.NOT_MEASURED) == shown.count(cards.NOT_MEASURED) + 1


def test_a_folder_holds_the_files_their_provenance_and_a_config(folders):
    for name, folder in folders.items():
        rows = {row.file: row for row in repositories()[f"just-noticeable/{name}"] if row.sha256}
        config = json.loads((folder / "config.json").read_text())
        assert config["version"] == __version__
        assert {model["file"] for model in config["models"]} == set(rows)
        for model in config["models"]:
            row = rows[model["file"]]
            content = (folder / row.file).read_bytes()
            assert model["sha256"] == row.sha256 == hashlib.sha256(content).hexdigest()
            assert model["bytes"] == row.size == len(content)
            assert model["licence"] == row.licence
            assert model["contract"]["inputs"]
            assert model["contract"]["outputs"]
        provenance = {row.provenance for row in rows.values()}
        made = {"README.md", "config.json", *provenance, *rows}
        made |= {"LICENSE-faceres"} if name == "faceres" else set()
        assert {path.name for path in folder.iterdir()} - {"export.json"} == made
        for file in provenance:
            assert set(json.loads((folder / file).read_text())["files"]) <= set(rows)
        assert check(folder) == []


def test_the_parity_report_is_about_the_files_of_the_folder(folders):
    report = json.loads((folders["machine-jnd-cifar10"] / "export.json").read_text())
    assert set(report["parity"]) == {
        row.file for row in MODELS.values() if row.repo == MACHINE and row.sha256
    }
    said = (folders["face-recogniser"] / "README.md").read_text()
    for words in ("retrained", "may not last", "protect against people"):
        assert words in said
    assert not (folders["face-recogniser"] / "export.json").exists()


def test_the_engine_runs_on_a_folder(folders, monkeypatch):
    from engine.models.locate import locate

    for name, folder in folders.items():
        for row in repositories()[f"just-noticeable/{name}"]:
            if row.sha256:
                assert locate(row.name, folder).path == folder / row.file


def test_every_pin_is_this_version_or_a_commit():
    for row in MODELS.values():
        assert row.revision == TAG or re.fullmatch("[0-9a-f]{40}", row.revision)


def test_a_file_that_is_not_its_provenances_is_not_assembled(tmp_path):
    weights = tmp_path / "weights"
    shutil.copytree(EMBEDDED, weights)
    (weights / "vgg-cifar10.onnx").write_bytes(b"another")
    with pytest.raises(PublishError, match="provenance says"):
        assemble(MACHINE, weights, tmp_path / "out")
    with pytest.raises(PublishError, match="holds no weights of just-noticeable/human"):
        assemble("just-noticeable/human-jnd", tmp_path, tmp_path / "out")


def test_a_folder_that_is_not_whole_is_not_published(folders, tmp_path):
    with pytest.raises(PublishError, match=r"lacks README\.md, config\.json"):
        check(tmp_path)
    folder = tmp_path / "folder"
    shutil.copytree(folders["face-recogniser"], folder)
    (folder / "face-recogniser.safetensors").write_bytes(b"another")
    with pytest.raises(PublishError, match="is not the file that"):
        check(folder)
    config = json.loads((folder / "config.json").read_text())
    config["models"][0]["sha256"] = hashlib.sha256(b"another").hexdigest()
    (folder / "config.json").write_text(json.dumps(config))
    (warning,) = check(folder)
    assert "the engine will refuse it" in warning
