"""The per-image search: its best holds, only gets stronger, stops in time, and is verified."""

from __future__ import annotations

import json
from functools import partialmethod
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.attack.objective import lead
from engine.commands import cli
from engine.commands.machine import gradient_search
from engine.commands.options import MachineOptions
from engine.images.picture import to_batch, to_pixels
from engine.images.samples import sample_paths
from engine.machine.jnd import load
from engine.machine.search import Searcher
from engine.metrics.quality import psnr
from engine.networks import device
from engine.panels.aim import Aim


@pytest.fixture(scope="module")
def searcher():
    return Searcher(device="cpu")


def test_the_torch_panel_answers_as_the_graph(searcher, crops):
    ours = searcher.panel.logits(torch.from_numpy(to_batch(crops[:8]))).argmax(2).numpy()
    np.testing.assert_array_equal(ours, load(None, "cpu").panel.predict_labels(crops[:8]))


def test_the_best_holds_and_only_gets_stronger(searcher, crops):
    pixels = crops[:4]
    before = load(None, "cpu").panel.predict_labels(pixels)
    steps = list(searcher.steps(pixels, count=40))
    assert [step.number for step in steps] == list(range(1, 41))
    assert [step.last for step in steps] == [False] * 39 + [True]
    assert steps[-1].loss < steps[0].loss
    for earlier, later in pairwise(steps):
        assert (later.psnr_db <= earlier.psnr_db).all()
    last = steps[-1]
    assert last.success.all()
    distorted = to_pixels(to_batch(pixels) + last.change)
    found = psnr(to_batch(distorted) - to_batch(pixels))
    np.testing.assert_allclose(found, last.psnr_db, rtol=1e-5)  # sums in another order
    np.testing.assert_array_equal(load(None, "cpu").panel.predict_labels(distorted), before)
    assert (np.abs(last.change) <= 0.5).all()


def test_lead_is_the_distance_to_the_best_other():
    logits = torch.tensor([[[3.0, 1.0, 2.5], [0.0, 2.0, 5.0]]])
    torch.testing.assert_close(
        lead(logits, torch.tensor([[0, 1]]), targeted=True), torch.tensor([[0.5, -3.0]])
    )


def test_the_same_seed_gives_the_same_change(searcher, crops):
    first, second = (list(searcher.steps(crops[:2], count=5, seed=3))[-1] for _ in range(2))
    np.testing.assert_array_equal(first.change, second.change)


@pytest.mark.parametrize("faster", [torch.bfloat16, torch.float32])
def test_neither_threads_nor_a_trial_of_speed_change_what_the_command_finds(
    crops, faster, monkeypatch
):
    """bfloat16 is chosen where a trial of some milliseconds finds it faster, now and then."""
    monkeypatch.setattr(device, "has_bfloat16", lambda kind: True)
    monkeypatch.setattr(device, "seconds", lambda dtype: 1.0 if dtype is faster else 2.0)
    monkeypatch.setattr(Searcher, "steps", partialmethod(Searcher.steps, count=12))
    device.prefers_bfloat16.cache_clear()
    options, machine = MachineOptions(device="cpu", search=True), load(None, "cpu")
    aim, single = Aim(np.zeros((1, 10)), [0]), Searcher(device="cpu", exact=True)
    with device.with_threads(1):
        *_, expected = single.steps(crops[:1], **machine.generator.aim)
    for threads in (1, 2):
        with device.with_threads(threads):
            found = gradient_search(options, machine)(crops[0], None, aim)
        np.testing.assert_array_equal(found, expected.change)
    device.prefers_bfloat16.cache_clear()


def test_it_stops_in_time(searcher, crops):
    steps = list(searcher.steps(crops[:1], count=10_000, max_seconds=0.2))
    assert steps[-1].last
    assert len(steps) < 1000


def test_the_command_line_searches(tmp_path, capsys):
    picture = str(sample_paths()[0])
    arguments = ["machine", picture, "--out", str(tmp_path), "--search", "--json"]
    arguments += ["--panel", "cifar10", "--max-seconds", "1", "--device", "cpu"]
    assert cli.main(arguments) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["verified"]
    assert "gradient search on cpu" in captured.err
    assert "\r" not in captured.err  # no progress where stderr is no terminal


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_runs_on_cuda(crops):
    searcher = Searcher(device="cuda")
    assert list(searcher.steps(crops[:2], count=3))[-1].last
