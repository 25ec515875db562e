"""How ONNX Runtime is asked to run a graph."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.models import session
from engine.models.locate import locate
from engine.models.registry import HUMAN

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.fixture
def asked(monkeypatch):
    """What InferenceSession was given, by name."""
    seen = {}

    class InferenceSession:
        def __init__(self, path, options, *, providers, provider_options):
            seen.update(zip(providers, provider_options, strict=True))
            self.providers = providers

        def get_providers(self):
            return self.providers

        def get_inputs(self):
            return []

        get_outputs = get_inputs

    class SessionOptions:
        def add_session_config_entry(self, name, value):
            pass

    module = SimpleNamespace(
        InferenceSession=InferenceSession,
        SessionOptions=SessionOptions,
        get_available_providers=lambda: [CUDA, CPU],
    )
    monkeypatch.setattr(session, "onnx_runtime", lambda: module)
    return seen


def test_on_a_gpu_a_new_shape_does_not_try_every_algorithm(asked, monkeypatch):
    monkeypatch.setattr(session, "_has_driver", lambda: True)
    opened = session.Session(locate(HUMAN), "auto")
    assert opened.provider == CUDA
    assert asked == {CUDA: {"cudnn_conv_algo_search": "HEURISTIC"}, CPU: {}}


def test_on_a_processor_nothing_is_asked_of_cuda(asked):
    assert session.Session(locate(HUMAN), "cpu").provider == CPU
    assert asked == {CPU: {}}
