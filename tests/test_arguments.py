"""Every public function takes what it documents, and refuses the rest before it loads anything."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import engine
from engine import (
    MachineJND,
    UsageError,
    cloak_photo,
    human_jnd,
    machine_jnd,
    open_image,
    verify,
)
from engine.errors import ImageError
from engine.images.samples import sample_paths

ASTRONAUT = str(sample_paths()[3])


def test_every_public_name_is_there():
    assert engine.__all__ == sorted(engine._HOMES)
    for name in engine.__all__:
        assert getattr(engine, name).__name__ == name


@pytest.fixture
def nothing_loads(monkeypatch):
    def loaded(*arguments, **named):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("engine.panels.embedded.open_session", loaded)
    monkeypatch.setattr("engine.machine.generator.open_session", loaded)
    monkeypatch.setattr("engine.human.learned.open_session", loaded)
    monkeypatch.setattr("engine.faces.finder.FaceFinder", loaded)
    monkeypatch.setattr("engine.cloak.face.load_recogniser", loaded)
    for cached in (
        "engine.machine.jnd.load",
        "engine.cloak.loading.load_cloak",
        "engine.faces.finder.load_finder",
    ):
        room, _, name = cached.rpartition(".")
        function = getattr(__import__(room, fromlist=[name]), name)
        monkeypatch.setattr(cached, function.__wrapped__)


PLACES = [
    ({"device": "tpu"}, "choose from auto, cpu, cuda"),
    ({"device": None}, "choose from auto, cpu, cuda"),
    ({"device": ["cpu"]}, "choose from auto, cpu, cuda"),
    ({"weights": 5}, "folder's path"),
]
MACHINE = [
    *PLACES,
    ({"generator": "typo"}, "choose from conditioned, merged, transfer"),
    ({"generator": None}, "choose from conditioned"),
]
WRONG = [
    *((machine_jnd, *row) for row in MACHINE),
    *(
        (machine_jnd, {"strength": value}, "outside 0.2…1.8")
        for value in (0.1, 2, "1", None, math.nan)
    ),
    *((human_jnd, *row) for row in PLACES),
    (human_jnd, {"model": "typo"}, "choose from chou1995, .*hvs-sd"),
    (human_jnd, {"model": ["wu2017"]}, "choose from chou1995"),
    *((cloak_photo, *row) for row in PLACES),
    (cloak_photo, {"method": "typo"}, "choose from fgsm, .*ours"),
    (cloak_photo, {"method": None}, "choose from fgsm"),
    (cloak_photo, {"jnd": "typo"}, "choose from chou1995"),
    *((cloak_photo, {"face": v}, "a number from 1, or all") for v in ("left", 0, 1.5, True, "")),
    *((cloak_photo, {"max_seconds": v}, "0 or more") for v in (-1, "9", math.nan, True)),
    (cloak_photo, {"robust": "yes"}, "True or False"),
    (cloak_photo, {"gallery": 5}, "folder's path"),
    (cloak_photo, {"gallery": ".", "target": ASTRONAUT}, "give one of them"),
    (open_image, {"max_pixels": 0}, "1 or more"),
    (open_image, {"max_pixels": "many"}, "1 or more"),
]


@pytest.mark.parametrize(("function", "choices", "words"), WRONG)
def test_wrong_choices_are_usage_errors(function, choices, words, nothing_loads):
    with pytest.raises(UsageError, match=words):
        function(ASTRONAUT, **choices)


@pytest.mark.parametrize(("choices", "words"), MACHINE)
def test_the_machines_too(choices, words, nothing_loads):
    with pytest.raises(UsageError, match=words):
        MachineJND(**choices)


@pytest.mark.parametrize("members", ["vgg16", [], ["vgg", "typo"], [5]])
def test_the_members_too(members, machine):
    with pytest.raises(UsageError, match="choose one or more of alexnet"):
        machine(ASTRONAUT, members=members)


@pytest.fixture(scope="module")
def machine() -> MachineJND:
    return MachineJND(device="cpu")


def test_one_member_by_its_name(machine):
    assert machine(ASTRONAUT, members="vgg").members == ("vgg",)


@pytest.mark.parametrize(
    "function", [machine_jnd, human_jnd, cloak_photo, open_image, lambda one: verify(one, one)]
)
@pytest.mark.parametrize("image", [None, 5, b"picture.png", np.zeros((4, 4, 3))])
def test_what_is_no_picture_is_refused(function, image, nothing_loads):
    with pytest.raises(ImageError):
        function(image)


@pytest.mark.parametrize(
    "choices",
    [{"face": 1}, {"face": "1"}, {"face": "all"}, {"target": Path(ASTRONAUT)}, {"weights": None}],
)
def test_documented_choices_of_a_cloak_work(choices, monkeypatch):
    monkeypatch.setattr(
        "engine.cloak.threshold.threshold_model",
        lambda *given: lambda pixels: pixels * np.float32(1),
    )
    named = {"method": "fgsm", "device": "cpu", "max_seconds": 0}
    result = cloak_photo(ASTRONAUT, **named, **choices)
    assert [face.number for face in result.faces] == [1]
