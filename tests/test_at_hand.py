"""Which models need no network, by the same order in which their files are looked for."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from engine.human import HUMAN_MODELS
from engine.models import available, registry
from engine.models.locate import EMBEDDED, locate
from engine.models.registry import MODELS, PANEL


def test_what_is_at_hand_is_located_without_the_hub(monkeypatch):
    def asked(model):
        raise AssertionError(f"the Hub was asked for {model.name}")

    monkeypatch.setattr("engine.models.locate._from_hub", asked)
    found = [name for name in MODELS if available.at_hand(name)]
    assert set(PANEL) <= set(found)
    for name in found:
        assert locate(name).path.is_file()


def test_unpublished_weights_are_not_offered(monkeypatch):
    monkeypatch.setitem(MODELS, registry.HUMAN, replace(MODELS[registry.HUMAN], sha256=""))
    assert registry.HUMAN not in available.human_models()
    assert set(available.human_models()) == {
        name for name, row in HUMAN_MODELS.items() if not row.learned
    }


def test_a_folder_of_weights_decides(monkeypatch, tmp_path):
    shutil.copy(EMBEDDED / "generator-merged-cifar10.onnx", tmp_path)
    monkeypatch.setenv("JND_WEIGHTS", str(tmp_path))
    assert available.generators() == ("merged",)
    assert not available.at_hand(PANEL[0])


@pytest.mark.parametrize(("sha256", "offered"), [("", False), ("0" * 64, True)])
def test_the_hub_counts_where_it_was_asked_for(monkeypatch, sha256, offered):
    row = replace(MODELS[registry.HUMAN], sha256=sha256, file="not-embedded.onnx")
    monkeypatch.setitem(MODELS, registry.HUMAN, row)
    assert not available.at_hand(registry.HUMAN)
    monkeypatch.setenv("JND_WEIGHTS", "hub")
    assert available.at_hand(registry.HUMAN) == offered
