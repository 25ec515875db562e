"""Half precision where it is fast, and only there."""

from __future__ import annotations

import pytest
import torch

from engine.networks import device


@pytest.fixture(autouse=True)
def measured_anew():
    device.prefers_bfloat16.cache_clear()
    yield
    device.prefers_bfloat16.cache_clear()


def matched() -> torch.dtype:
    """Of what kind a product is under the context."""
    with device.autocast(torch.device("cpu")):
        return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype


@pytest.mark.parametrize(
    ("capabilities", "kind"),
    [
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"bf16": True}, torch.bfloat16),
        ({}, torch.float32),
    ],
)
def test_products_are_of_what_the_processor_has_units_for(capabilities, kind, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(device, "seconds", {torch.bfloat16: 1, torch.float32: 2}.get)
    assert matched() == kind


def test_units_that_are_slower_are_left_alone(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(device, "seconds", {torch.bfloat16: 2, torch.float32: 1}.get)
    assert matched() == torch.float32


def test_the_trial_takes_time_and_little_of_it():
    for kind in (torch.float32, torch.bfloat16):
        assert 0 < device.seconds(kind) < 1


def test_of_an_older_pytorch_nothing_is_known(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not device.has_bfloat16("cpu")


def test_of_other_devices_nothing_is_assumed():
    assert not device.has_bfloat16("meta")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_has_what_pytorch_reports():
    assert device.has_bfloat16("cuda") == torch.cuda.is_bf16_supported(False)
