"""Trainings under torchrun: two processes give what one gives, and go on after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import short_trainings
import torch

from engine.networks import device
from training.train import checkpoint, parallel
from training.train.checkpoint import DataError

ROOT = Path(__file__).parents[1]
SCRIPT = Path(__file__).parent / "short_trainings.py"
# How far apart the tensors may be, as a share of their norms: Adam makes much of small differences.
FILES = {"classifiers/alexnet.safetensors": 0.01, "generators/g.safetensors": 0.04}


def torchrun(*arguments: object) -> subprocess.CompletedProcess:
    """`short_trainings.py` in two processes, on the processor."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
    program = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*program, "--nproc-per-node", "2", str(SCRIPT), *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_processes_train_as_one_does_and_go_on_where_they_were(labelled, tmp_path, monkeypatch):
    """Nothing is left of the second process but the order in which numbers are added."""
    one, two = tmp_path / "one", tmp_path / "two"
    monkeypatch.setattr(device, "prefers_bfloat16", device.prefers_bfloat16)  # back at the end
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    short_trainings.train(str(labelled), one)
    stopped = torchrun(labelled, two, "stop")
    assert stopped.returncode
    names = {path.name for path in (two / "generators").iterdir()}
    assert names == {"g.resume.safetensors"}  # of one whole epoch, by the first process
    together = torchrun(labelled, two)
    assert together.returncode == 0, together.stderr
    assert together.stdout == "trained\n"  # by the first
    for file, most in FILES.items():
        expected, note = checkpoint.load(one / file)
        found, other = checkpoint.load(two / file)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert (found[key] - value).norm() <= most * value.norm(), key
    for mine, theirs, most in zip(note["history"], other["history"], (2e-3, 2e-2), strict=True):
        for name in ("loss", "l_c", "l_m", "l_s", "psnr_db"):
            assert theirs[name] == pytest.approx(mine[name], rel=most)
        assert theirs["test"]["psnr_db"] == pytest.approx(mine["test"]["psnr_db"], rel=most)
        assert theirs["test"]["rca"] == pytest.approx(mine["test"]["rca"], abs=0.02)
    assert sum('"epoch": 2' in line for line in together.stderr.splitlines()) == 1


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(DataError, match="a batch of 32 images cannot be shared by 3 processes"):
        parallel.join(32)


def test_alone_everything_is_its_own(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    network = torch.nn.BatchNorm2d(3)
    parallel.join(32)
    assert parallel.first()
    assert parallel.shared(network) is network
    assert type(network) is torch.nn.BatchNorm2d
    values = torch.arange(4.0)
    assert parallel.own(values) is values
    assert parallel.mean(values) is values
    assert parallel.of_the_first(3) == 3
