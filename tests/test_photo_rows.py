"""One row of the evaluation on photos: how they are distorted, summed up, and what decides it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.errors import EngineError
from engine.machine.jnd import MachineJND
from engine.metrics.quality import psnr_8bit
from training.data.photographs import Photograph, Photographs
from training.evaluate.photo import distortions, plan, run
from training.evaluate.photo.plan import GENERATOR, VERIFIED
from training.evaluate.photo.subject import Subject
from training.evaluate.photo.summary import summary
from training.records.store import mark
from training.records.versions import METHOD_VERSIONS
from training.results import photo_tables

NOISE = plan.controls(GENERATOR, ("gaussian noise",))[0]


@pytest.fixture(scope="module")
def subject(photos) -> Subject:
    """A cat and a cup, of two sizes."""
    shown = (photos["chelsea"][:200, :250], photos["coffee"][:200, :230])
    named = tuple(Photograph(pixels, str(number)) for number, pixels in enumerate(shown))
    return Subject(Photographs(named, "two photos"), None, None)


def test_the_unverified_change_is_the_engine_s(subject):
    block = subject.block(0, 2)
    clean, machine = block.clean, subject.machine
    ours = machine.generator.change(
        block.views, clean.logits, clean.cams, 0.6, evidence=clean.evidence
    )
    np.testing.assert_array_equal(subject.change(block, 0.6, False), ours)
    kept = subject.change(block, 0.6, True)
    assert np.square(kept).mean() < np.square(ours).mean()


def test_a_control_is_as_strong_photo_by_photo(subject):
    block = subject.block(0, 2)
    earlier = [{"psnr_db": 21.0}, {"psnr_db": None}]
    first, second = distortions.controlled(subject, block, NOISE, earlier)
    assert psnr_8bit(block.photos[0].pixels, first.pixels) == pytest.approx(21, abs=0.05)
    np.testing.assert_array_equal(second.pixels, block.photos[1].pixels)
    (again, _) = distortions.controlled(subject, block, NOISE, earlier)
    np.testing.assert_array_equal(again.pixels, first.pixels)


def test_a_photo_that_the_engine_refuses_does_not_end_the_evaluation(subject, monkeypatch):
    def refuses(*_, **__):
        raise EngineError("no")

    monkeypatch.setattr(MachineJND, "__call__", refuses)
    block = subject.block(0, 2)
    photos = distortions.measured(subject, block, VERIFIED[0], [])
    found = summary(VERIFIED[0], photos, subject.members, ())
    assert (found["failed_photos"], found["verified"], found["unchanged_photos"]) == (2, 0, 2)
    assert found["errors"] == ["no"]
    assert "100.0 % not verified" in photo_tables.failures(found)


def test_a_row_is_summed_up():
    half = {"before": [0.5, 0.5, 1]}
    photos = [
        half | {"psnr_db": 10.0, "same": [True, False, True], "after": [0.9, 0.1, 1]},
        half | {"psnr_db": None, "same": [True, True, False], "after": [0.55, 0.5, 0]},
    ]
    found = summary(GENERATOR, photos, ("a", "b"), ("c",))
    assert (found["rca"], found["all_classifiers_keep"]) == (0.75, 0.5)
    assert found["rca_per_classifier"] == {"a": 1.0, "b": 0.5}
    assert (found["psnr_db"], found["unchanged_photos"]) == (10.0, 1)
    assert (found["confidence_raised"], found["confidence_within_0.1"]) == (0.5, 0.5)
    assert found["labels_and_confidences_kept"] == 0.5
    assert found["unseen"]["c"]["rca"] == 0.5


def test_what_decides_a_row_is_in_its_key(subject, monkeypatch):
    keys = {mark(run.key_of(subject, row)) for phase in plan.PHASES for row in phase.rows}
    assert len(keys) == sum(len(phase.rows) for phase in plan.PHASES)
    before = mark(run.key_of(subject, NOISE))
    monkeypatch.setitem(METHOD_VERSIONS["photos"], "generator", 2)  # of what it is compared to
    assert mark(run.key_of(subject, NOISE)) != before


def test_every_section_has_a_version_and_no_key_knows_where_code_lies(subject):
    assert set(METHOD_VERSIONS["photos"]) == {"clean", *distortions.SECTIONS}
    for phase in plan.PHASES:
        for row in phase.rows:
            text = json.dumps(run.key_of(subject, row)).replace(f"/{plan.STEPS}", "")
            assert not [
                word for word in (".py", ".onnx", "engine/", "training", "/") if word in text
            ]


def test_a_row_of_something_the_engine_has_not_is_left_out():
    magic = (("magic", True),)
    for section in ("verified", "search"):
        row = plan.Row(section, "magic", options=magic)
        assert not distortions.supported(row)
        assert not distortions.supported(plan.controls(row, ("blur",))[0])
        assert distortions.supported(plan.Row(section, "plain"))
