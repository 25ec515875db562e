"""Trainings at length: a limit of time, steps as a CUDA graph, the record of what they reach."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.networks.stored import stored_panel
from training.data.labelled import LabelledImages
from training.records import record
from training.train.machine import record as kept
from training.train.machine.generator import train_generator
from training.train.machine.networks import build
from training.train.machine.predictions import panel_predictions
from training.train.machine.steps.epoch import Training, run_epoch
from training.train.machine.steps.graphed import can_be_graphed
from training.train.presets import GENERATOR_PRESETS

PAPER = replace(GENERATOR_PRESETS["paper"], batch=8, images=64)


@pytest.fixture
def some():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (64, 32, 32, 3), np.uint8)
    return LabelledImages(images, np.zeros(64, np.int64), "noise")


def test_only_what_draws_nothing_is_graphed_and_only_on_a_gpu():
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert can_be_graphed(GENERATOR_PRESETS["paper"], cuda)
    assert not can_be_graphed(GENERATOR_PRESETS["paper"], cpu)
    others = [name for name, preset in GENERATOR_PRESETS.items() if can_be_graphed(preset, cuda)]
    assert others == ["paper"]


def test_a_training_ends_when_its_time_is_over(some, tmp_path):
    note = train_generator("g", some, some, PAPER, tmp_path, limit=1e-3)
    assert note["epochs"] == len(note["history"]) == 1
    assert note["preset"]["epochs"] == 200


def test_the_schedule_goes_by_the_time_that_has_passed(monkeypatch):
    training = Training(PAPER, build(PAPER), {}, torch.device("cpu"), limit=100.0)
    now = training.began
    monkeypatch.setattr("training.train.machine.steps.epoch.time.monotonic", lambda: now + 50)
    assert training.share(20) == pytest.approx(0.5)  # a tenth of the epochs, half of the time
    assert training.share(180) == pytest.approx(0.9)
    training.limit = None
    assert training.share(20) == pytest.approx(0.1)


def test_the_record_says_how_each_was_trained_and_what_it_reaches(
    some, tmp_path, monkeypatch, capsys
):
    train_generator("g", some, some, PAPER, tmp_path, "the command", limit=1e-3)
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(kept, "load", lambda source, split: some)
    monkeypatch.setattr(sys, "argv", ["record", "g", "--runs", str(tmp_path), "--count", "50"])
    kept.main()
    written = json.loads((tmp_path / "long_cifar10.json").read_text())
    (row,) = written["rows"]
    assert (row["generator"], row["command"], row["epochs"]) == ("g", "the command", 1)
    for split in row["reached"]:
        ninths = [split["ninths_rca"][str(k)] for k in range(1, 10)]
        assert split["n"] == 50
        assert split["every_ninth_rca"] <= min(ninths)
        assert ninths[-1] == pytest.approx(split["rca"])
    assert "train RCA" in capsys.readouterr().out


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_graph_trains_as_steps_one_by_one_do(some, tmp_path, monkeypatch):
    device = torch.device("cuda")
    panel = stored_panel()[0].to(device)
    images = torch.from_numpy(some.images).to(device)
    clean = panel_predictions(panel, some, "train", tmp_path, device)
    clean = {key: value.to(device) for key, value in clean.items()}
    rows = []
    for graphed in (True, False):
        torch.manual_seed(0)
        training = Training(PAPER, build(PAPER), {}, device)
        name = "training.train.machine.steps.epoch.can_be_graphed"
        monkeypatch.setattr(name, lambda *_, graphed=graphed: graphed)
        for _ in range(2):
            training.history.append(run_epoch(training, panel, images, clean))
        assert (training.graphed is not None) == graphed
        rows.append(training.history)
    for one, other in zip(*rows, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=0.02)
        assert one["psnr_db"] == pytest.approx(other["psnr_db"], abs=0.2)
