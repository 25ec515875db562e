"""The panel for photographs: 8-bit weights in both runtimes, any size, a verified file."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from engine import machine_jnd
from engine.commands import cli
from engine.errors import UsageError
from engine.images.picture import resize, to_batch
from engine.images.samples import sample_paths
from engine.machine.figure import draw_figure
from engine.machine.jnd import MachineJND, candidates, load, panel_for
from engine.machine.search import Searcher
from engine.metrics.quality import psnr_8bit
from engine.models import registry
from engine.models.locate import EMBEDDED
from engine.models.registry import MODELS, PANELS
from engine.networks.photo.panel import stored_photo_panel
from engine.panels.aim import Aim
from export.check import compare
from export.photo.graphs import PhotoGeneratorGraph
from training.train.photo.loop import load_generator

PHOTOS = PANELS["photos"]


@pytest.fixture(scope="module")
def machine() -> MachineJND:
    return load(None, "cpu", panel="photos")


@pytest.fixture(scope="module")
def small(photos) -> np.ndarray:
    """A sample photo at 224×224."""
    return resize(photos["coffee"], 224, 224)


def test_what_ships_is_the_same_network_in_both_runtimes(machine, small):
    clean = machine.panel.predictions(small[None])
    with torch.no_grad():
        logits, cams = stored_photo_panel()(torch.from_numpy(to_batch(small[None])))
        compare("logits", logits.numpy(), clean.logits, "a photo", 1e-3)
        compare("cam", cams.numpy(), clean.cams, "a photo", 1e-3)
        network, _ = load_generator(EMBEDDED / MODELS[PHOTOS.generators["conditioned"]].file)
        given = min(PHOTOS.usual, PHOTOS.most)  # beyond it E is multiplied
        usual, more = np.full(1, given), PHOTOS.usual / given
        given = (to_batch(small[None]), clean.evidence, clean.logits, usual, np.zeros(1))
        tensors = [torch.from_numpy(array).float() for array in given]
        change = more * PhotoGeneratorGraph(network)(*tensors).numpy()
    ours = machine.generator.change(small[None], clean.logits, clean.cams, evidence=clean.evidence)
    compare("change", change, ours, "a photo", 1e-3)
    assert clean.evidence.shape == (1, 3, 1280, 7, 7)


def test_the_models_are_as_small_as_promised():
    assert sum(MODELS[name].size for name in PHOTOS.members) <= 24_000_000


def test_the_classes_are_imagenets(machine):
    assert len(set(machine.panel.classes)) == PHOTOS.classes == 1000
    assert machine.panel.classes[285] == "Egyptian cat"
    assert machine.panel.size == PHOTOS.size


def test_the_result_has_the_photos_own_size_and_its_file_is_verified(machine, photos):
    result = machine(photos["chelsea"])
    assert result.verified
    assert result.panel == "photos"
    assert result.size == (451, 300)
    assert result.panel_size == (224, 224)
    assert result.distorted.shape == result.change.shape == (300, 451, 3)
    assert result.cam.shape == (300, 451)
    with Image.open(io.BytesIO(result.png)) as image:
        assert image.info == {}
        pixels = np.asarray(image)
    np.testing.assert_array_equal(pixels, result.distorted)
    before = machine.labels_of(result.original[None])
    np.testing.assert_array_equal(machine.labels_of(pixels[None]), before)
    assert result.psnr_db == pytest.approx(psnr_8bit(result.original, pixels))
    assert result.psnr_db < 35
    assert {label.before for label in result.labels} <= set(machine.panel.classes)
    assert draw_figure(result, "a cat").shape[2] == 3


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((3, 4000, 3), 90, np.uint8),
        np.eye(90, 70, dtype="u1"),
    ],
    ids=["one pixel", "ribbon", "grey"],
)
def test_strange_pictures_are_answered(machine, pixels):
    result = machine(pixels)
    assert result.verified
    assert result.distorted.shape[:2] == pixels.shape[:2]
    assert np.isfinite(result.change).all()
    assert draw_figure(result, "strange").dtype == np.uint8


@pytest.mark.parametrize(
    ("size", "generator", "expected"),
    [
        ((64, 64), "conditioned", "cifar10"),
        ((65, 1), "conditioned", "photos"),
        ((3, 400), "conditioned", "photos"),
        ((640, 480), "merged", "cifar10"),
    ],
)
def test_the_panel_is_chosen_by_the_picture(size, generator, expected):
    assert panel_for(size, candidates("auto", generator)) == expected


def test_without_its_models_the_small_panel_is_taken(tmp_path):
    assert candidates("auto", "conditioned", str(tmp_path)) == ("cifar10",)
    assert candidates("photos", "conditioned", str(tmp_path)) == ("photos",)


def test_a_generator_that_the_panel_has_not_is_refused(photos):
    with pytest.raises(UsageError, match="the panel photos has conditioned"):
        machine_jnd(photos["coffee"], panel="photos", generator="merged")
    with pytest.raises(UsageError, match="panel"):
        machine_jnd(photos["coffee"], panel="imagenet")


def test_the_command_line_takes_a_panel(tmp_path, capsys):
    path = next(str(path) for path in sample_paths() if path.stem == "coffee")
    options = ["--json", "--out", str(tmp_path), "--device", "cpu"]
    for panel, size in (("photos", (600, 400)), ("cifar10", (32, 32))):
        assert cli.main(["machine", path, "--panel", panel, *options]) == 0
        row = json.loads(capsys.readouterr().out)
        assert row["panel"] == panel
        assert row["verified"]
        for file in ("distorted", "jnd", "cam"):
            with Image.open(row["files"][file]) as image:
                assert image.size == size


def test_a_search_on_a_photo_is_verified_at_its_own_size(machine, photos, small):
    searcher, steps = Searcher(name="photos", device="cpu"), []
    labels = machine.panel.predict_labels(small[None])
    np.testing.assert_array_equal(searcher.prepare(small[None])[1].numpy(), labels)

    def search(pixels: np.ndarray, change: np.ndarray, aim: Aim) -> np.ndarray:
        assert pixels.shape == (400, 600, 3)
        assert change.shape == (1, 3, 224, 224)
        np.testing.assert_array_equal(aim.labels, labels[0])
        steps.extend(searcher.steps(machine.panel.view(pixels[None]), count=4))
        return steps[-1].change

    result = machine(photos["coffee"], search=search)
    assert result.verified
    assert result.size == (600, 400)
    assert steps[-1].loss < steps[0].loss
    assert result.changed_share > 0.1


def test_every_panel_has_the_best_generator():
    for panel in PANELS.values():
        assert registry.BEST in panel.generators
        assert set(panel.members) | set(panel.generators.values()) <= set(MODELS)
