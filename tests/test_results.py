"""The published numbers: from committed measurements of the weights that ship, nowhere else."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from engine.models.locate import locate, sha256_of
from engine.models.registry import MODELS, PANEL, UNSEEN
from training.evaluate.machine.measure import rates
from training.evaluate.photo.showcase import FIRST, PAIRS
from training.records import record
from training.records.record import RESULTS, read_json
from training.records.shipped import trained_with
from training.results.figures import joins
from training.results.tables import BLOCK, DOCUMENTS, ROOT, render

FIGURES = RESULTS / "figures"
CLASSIFIERS = (*PANEL, *UNSEEN)
# Results of weights that ship, each with the files that it names; long_cifar10 is of trainings.
OF_WEIGHTS = [
    path.stem
    for path in sorted(RESULTS.glob("*.json"))
    if read_json(path)["weights"] and path.stem != "long_cifar10"
]


# Files that are replaced since by another training of the same network, with what their graph was.
# Times hold for the new file; measurements of what it does would not.
SAME_GRAPH = {
    "dc6a03365300d8b877e419b47ef1ac863eef93e9df7c5e470c768f09691b053a": (
        "051a0501ef03347286ea7bcd70f0d55e6c01ffc192915f86ec66d24c4d109499"
    )
}


def topology(path) -> str:
    """Digest of a graph's nodes with their attributes and of the shapes of its weights."""
    graph = onnx.load(path).graph
    nodes = [(n.op_type, *sorted(a.SerializeToString() for a in n.attribute)) for n in graph.node]
    shapes = sorted((weight.data_type, *weight.dims) for weight in graph.initializer)
    return hashlib.sha256(repr((nodes, shapes)).encode()).hexdigest()


@pytest.mark.parametrize("name", OF_WEIGHTS)
def test_results_are_of_the_weights_that_ship(name):
    files = {model.file: model for model in MODELS.values()}
    for file, digest in read_json(RESULTS / f"{name}.json")["weights"].items():
        if file == "photo-panel.safetensors":  # not committed: export.photo.efficientnet makes it
            continue
        if file == "photo-generator.safetensors":  # its numbers are in the graph
            assert (
                trained_with(None, "generator-conditioned-photos")["checkpoint"]["sha256"] == digest
            )
            continue
        path = locate(files[file].name).path
        if name.startswith("speed") and digest in SAME_GRAPH:
            assert topology(path) == SAME_GRAPH[digest]
            continue
        assert digest == sha256_of(path)


def test_classifiers_are_as_accurate_as_they_were_after_training():
    """Two measurements: of the network by its training, of the exported graph by the engine."""
    rows = read_json(RESULTS / "classifiers_cifar10.json")["rows"]
    trained = {note["classifier"]: note for note in map(partial(trained_with, None), CLASSIFIERS)}
    assert {row["classifier"] for row in rows} == set(trained)
    for row in rows:
        note = trained[row["classifier"]]
        assert row["n_test"] == note["n_test"]
        panel = f"{row['classifier']}-cifar10" in PANEL
        assert row["in_the_panel"] == panel
        weights = 2e-4 if panel else 1e-3  # half precision; 8 bits
        assert row["test_accuracy"] == pytest.approx(note["test_accuracy"], abs=weights)


def test_a_result_says_how_it_was_measured(tmp_path):
    how = {"command": "python -m training evaluate x", "data": "ten pictures", "weights": {}}
    rows = [{"rca": 1.0}]
    path = record.write("x", **how, sections={"rows": rows}, folder=tmp_path)
    found = {"hardware": record.hardware(), "versions": record.versions()}
    assert read_json(path) == how | found | {"rows": rows}
    assert found["versions"]["torch"] == version("torch")
    elsewhere = {"hardware": "an abacus", "versions": [{}, {}]}  # not all measured here and now
    path = record.write("x", **how, sections=elsewhere | {"rows": rows}, folder=tmp_path)
    assert read_json(path) == how | elsewhere | {"rows": rows}


def test_provenance_takes_one_line_of_a_result():
    row = {"psnr_db": [1, 2], "decided_by": {"seed": 0, "text": 'é "\0"'}, "made_with": {"a": "b"}}
    text = record.indented({"rows": [row, row]})
    assert json.loads(text) == {"rows": [row, row]}
    assert len(text.splitlines()) == 2 + 2 + 2 * (2 + 2 + 4)


def test_rates_are_means_over_images_and_classifiers():
    kept = np.array([[True, True], [True, False], [True, True], [False, False]])
    found = rates(SimpleNamespace(panel=SimpleNamespace(classifiers=("a", "b"))), kept)
    assert found["rca_per_classifier"] == {"a": 0.75, "b": 0.5}
    assert found["rca"] == 0.625
    assert found["all_classifiers_keep"] == 0.5
    assert found["n"] == 4
    assert found["rca_standard_error"] == pytest.approx(np.std([1, 0.5, 1, 0]) / 2)


def test_a_training_that_goes_on_is_marked_where_it_does():
    first = {"preset": {"epochs": 12}}
    second = {"preset": {"epochs": 6}, "earlier": first}
    third = {"preset": {"epochs": 4}, "earlier": second}
    assert joins(first, 12) == []
    assert joins(third, 22) == [12, 18]
    assert joins(third, 10) == [6]  # the first twelve are not known any more


def test_the_documents_hold_the_tables():
    assert sum(len(BLOCK.findall(page.read_text())) for page in DOCUMENTS) >= 3


@pytest.mark.parametrize("name", [page.relative_to(ROOT).as_posix() for page in DOCUMENTS])
def test_a_readme_says_what_the_results_say(name):
    text = (ROOT / name).read_text()
    assert text.count("<!-- table:") == text.count("<!-- end:") == len(BLOCK.findall(text))
    assert render(text) == text


def test_the_figures_are_drawn_from_the_results(tmp_path, monkeypatch):
    from PIL import Image

    from training.results import figures

    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    drawn = figures.draw()
    of_photos = {FIRST, PAIRS}  # drawn by an evaluation, which has the photos
    assert {path.name for path in drawn} == {path.name for path in FIGURES.iterdir()} - of_photos
    for path in drawn:
        with Image.open(path) as image:
            assert min(image.size) > 200
