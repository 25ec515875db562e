"""The network that changes a face in one pass, and its training at a toy size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("dlib")

from engine.cloak.broad.eye import window_of  # noqa: E402
from engine.cloak.fast.chips import BORDER, FRAMING  # noqa: E402
from engine.faces.chip import DLIB  # noqa: E402
from engine.faces.finder import SAME  # noqa: E402
from engine.networks.faces.first import GOAL, LEAST, FirstChange  # noqa: E402
from engine.networks.recogniser import load_recogniser  # noqa: E402
from training.data.labelled import DataError  # noqa: E402
from training.train.faces import loop  # noqa: E402
from training.train.faces.pictures import Crops  # noqa: E402

LFW = Path("../shared/data/lfw")
needs_lfw = pytest.mark.skipif(not LFW.is_dir(), reason="LFW is not here")
SIDE = FRAMING.side


def faces(count: int = 6) -> Crops:
    """Smooth random pictures in the place of faces."""
    noise = np.random.default_rng(0).integers(0, 256, (count, 10, 10, 3), np.uint8)
    chips = noise.repeat(SIDE // 10, 1).repeat(SIDE // 10, 2)
    border = (SIDE - DLIB.side) // 2
    middle = np.ascontiguousarray(chips[:, border:-border, border:-border])
    recogniser = load_recogniser(None, "cpu")
    both = [recogniser.describe(each) for each in (middle, middle[:, :, ::-1].copy())]
    held_out = np.arange(count) == 0
    return Crops(chips, np.full(chips.shape, 40, np.uint8), np.stack(both, 1), held_out)


def test_a_change_has_size_one_and_ends_before_the_border():
    network = FirstChange(window_of(SIDE, SIDE, BORDER))
    noise = torch.Generator().manual_seed(0)
    chips, jnd = torch.rand(2, 2, 3, SIDE, SIDE, generator=noise)
    jnd = (0.05 * jnd).clamp_min(LEAST)
    change = network(chips, jnd, torch.zeros(2, GOAL))
    assert change.shape == chips.shape
    size = 255 * (change.square() / jnd).mean((1, 2, 3))
    assert torch.allclose(size, torch.ones(2), atol=1e-3)
    edge = torch.cat([change[:, :, :1].flatten(), change[:, :, :, -1:].flatten()])
    assert edge.abs().max() < 0.1 * change.abs().max()


def test_the_views_of_a_face_are_dlibs_chips():
    where = loop.matrices(500, torch.Generator().manual_seed(0)).mean(0)
    border = (SIDE - DLIB.side) / 2
    assert torch.allclose(where, torch.tensor([[1, 0, border], [0, 1, border]]), atol=0.15)


def test_a_training_leads_away_and_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    crops = faces()
    monkeypatch.setattr(loop, "load_crops", lambda *given: crops)
    monkeypatch.setattr(loop, "KEPT", 4)
    monkeypatch.setattr(loop, "LOGGED", 2)
    preset = loop.FirstChangePreset(steps=8, batch=4, learning_rate=3e-3)
    whole = loop.train_first_change(tmp_path, tmp_path / "whole", preset)
    assert whole["steps"] == 8
    assert whole["history"][-1]["apart"] > whole["history"][0]["apart"]
    step = loop.FirstChangeTraining.step

    def stops(training):
        if training.steps == 6:
            raise KeyboardInterrupt
        return step(training)

    monkeypatch.setattr(loop.FirstChangeTraining, "step", stops)
    with pytest.raises(KeyboardInterrupt):
        loop.train_first_change(tmp_path, tmp_path / "parts", preset)
    monkeypatch.setattr(loop.FirstChangeTraining, "step", step)
    rest = loop.train_first_change(tmp_path, tmp_path / "parts", preset)
    assert rest["history"] == whole["history"]
    assert (tmp_path / "parts/faces" / loop.FILE).is_file()
    assert not (tmp_path / "parts/faces" / loop.RESUME).exists()
    other = loop.FirstChangePreset(steps=9)
    loop.FirstChangeTraining(preset, crops, load_recogniser(None, "cpu")).save_state(
        tmp_path / "parts/faces" / loop.RESUME
    )
    with pytest.raises(DataError, match="was made with preset"):
        loop.train_first_change(tmp_path, tmp_path / "parts", other)


def test_each_face_is_led_away_or_to_the_next_ones():
    training = loop.FirstChangeTraining(
        loop.FirstChangePreset(batch=4), faces(), load_recogniser(None, "cpu")
    )
    chips, jnd, own = training.draw()
    assert chips.shape == jnd.shape == (4, 3, SIDE, SIDE)
    _, apart, led = training.loss(training.network, (chips, jnd, own))
    assert led.tolist() == [True, False, False, False]
    away = apart[1:]
    assert (away < SAME).all()  # an untrained network leads nowhere
    assert len(training.draw(held_out=True)[0]) == 4


@needs_lfw
def test_the_faces_are_of_people_who_serve_for_nothing_else(tmp_path):
    from engine.faces.finder import load_finder
    from training.train.faces.pictures import load_crops

    finder, recogniser = load_finder(), load_recogniser(None, "cpu")
    crops = load_crops(LFW, tmp_path, finder, recogniser, 3)
    assert crops.chips.shape[1:] == crops.jnd.shape[1:] == (SIDE, SIDE, 3)
    assert crops.held_out.any()
    assert not crops.held_out.all()
    again = load_crops(LFW, tmp_path, None, None, 3)  # from what was kept
    assert np.array_equal(again.descriptors, crops.descriptors)
