"""Which models need no network, by the same order in which their files are looked for."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from engine import at_hand, models
from engine.human import HUMAN_MODELS
from engine.models import EMBEDDED, MODELS, PANEL, locate


def test_what_is_at_hand_is_located_without_the_hub(monkeypatch):
    def asked(model):
        raise AssertionError(f"the Hub was asked for {model.name}")

    monkeypatch.setattr(models, "_from_hub", asked)
    found = [name for name in MODELS if at_hand.at_hand(name)]
    assert set(PANEL) <= set(found)
    for name in found:
        assert locate(name).path.is_file()


def test_unpublished_weights_are_not_offered(monkeypatch):
    monkeypatch.setitem(MODELS, models.HUMAN, replace(MODELS[models.HUMAN], sha256=""))
    assert models.HUMAN not in at_hand.human_models()
    assert set(at_hand.human_models()) == {
        name for name, row in HUMAN_MODELS.items() if not row.learned
    }


def test_a_folder_of_weights_decides(monkeypatch, tmp_path):
    shutil.copy(EMBEDDED / "generator-merged-cifar10.onnx", tmp_path)
    monkeypatch.setenv("JND_WEIGHTS", str(tmp_path))
    assert at_hand.generators() == ("merged",)
    assert not at_hand.at_hand(PANEL[0])


@pytest.mark.parametrize(("sha256", "offered"), [("", False), ("0" * 64, True)])
def test_the_hub_counts_where_it_was_asked_for(monkeypatch, sha256, offered):
    row = replace(MODELS[models.HUMAN], sha256=sha256, file="not-embedded.onnx")
    monkeypatch.setitem(MODELS, models.HUMAN, row)
    assert not at_hand.at_hand(models.HUMAN)
    monkeypatch.setenv("JND_WEIGHTS", "hub")
    assert at_hand.at_hand(models.HUMAN) == offered
