"""What the page says of a cloaked face: by which recogniser, and of which file."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from demo.examples.cloak import load
from demo.ui.reports import cloak as reports
from engine.faces.recognisers import RECOGNISERS
from engine.faces.verification import Comparison, Match


def test_the_banner_tells_of_recognisers_it_was_not_made_against():
    example = load().cloak
    (face,) = example.faces
    assert set(face.others) == set(RECOGNISERS) - set(face.recognisers)
    heading = "Hidden from recognisers it was not made against"
    text = reports.withstands(example)
    assert heading in text
    assert "faceres" in text.partition(heading)[2]
    known = replace(example, faces=(replace(face, others={}),))
    assert heading not in reports.withstands(known)
    hidden = {
        name: Match(match.threshold + 1, match.threshold) for name, match in face.others.items()
    }
    other = replace(example, faces=(replace(face, others=hidden),))
    assert reports.withstands(other) != text  # another mark for the same name


def test_a_test_of_a_cloak_is_by_every_recogniser():
    def comparison(distance: float) -> Comparison:
        each = {name: Match(distance, row.threshold) for name, row in RECOGNISERS.items()}
        return Comparison(distance, distance < 0.6, (1, 1), recognisers=each)

    text = reports.verification_table(comparison(0.1), comparison(2.0))
    assert text.count("the same person") == text.count("different people") == len(RECOGNISERS)
    for name, row in RECOGNISERS.items():
        assert text.count(name) >= 2
        assert f"a match up to {row.threshold:g}" in text
