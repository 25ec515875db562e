"""What the page says of a cloaked face: by which recogniser, of which file, and how visible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("gradio")

from demo.examples.cloak import load
from demo.handlers.cloak import FIRST
from demo.ui.reports import cloak as reports
from demo.ui.reports import compare
from demo.ui.share import picture_to_share
from engine.cloak.result import CloakedPhoto
from engine.faces.recognisers import RECOGNISERS
from engine.faces.verification import Comparison, Match
from engine.images.picture import decode


def others_of(example: CloakedPhoto, *, hidden: bool) -> CloakedPhoto:
    """The same with another answer of the recognisers it was not made against."""
    (face,) = example.faces
    others = {
        name: Match(match.threshold + (0.1 if hidden else -0.1), match.threshold)
        for name, match in face.others.items()
    }
    return replace(example, faces=(replace(face, others=others),))


def test_the_headline_is_green_only_where_every_recogniser_is_fooled():
    example = load().cloak
    known = reports.headline(others_of(example, hidden=False), False)
    assert "jn-mixed" in known
    assert "Hidden from one of two" in known
    assert "<b>recogniser B still does</b>" in known
    hidden = reports.headline(others_of(example, hidden=True), False)
    assert "jn-good" in hidden
    assert "recogniser A and recogniser B no longer take" in hidden.replace(
        "Recogniser", "recogniser"
    )
    (face,) = example.faces
    failed = replace(face, success=False, distances={"png": face.threshold + 0.1})
    text = reports.headline(replace(example, faces=(failed,)), False)
    assert "jn-bad" in text
    assert "no longer matches this very file, but does once it is saved again" in text
    failed = replace(failed, distances={"png": face.threshold - 0.1})
    assert "still matches" in reports.headline(replace(example, faces=(failed,)), False)


def test_that_people_hardly_see_it_is_said_only_where_that_was_measured():
    example = load().cloak
    unseen, seen = "Most people hardly see a difference.", "A close look shows the difference."
    (face,) = example.faces
    good = replace(
        example,
        faces=(replace(face, psnr_db=45.0),),
        largest=20,
        changed_share=0.1,
        beyond_share=0.001,
    )
    assert unseen == reports.to_people(good)
    for worse in (
        replace(good, largest=201),
        replace(good, beyond_share=0.02),
        replace(good, faces=(replace(face, psnr_db=35.0),)),
    ):
        assert seen == reports.to_people(worse)


def test_a_distance_has_the_digits_that_make_the_sentence_true():
    assert reports.distances((0.0, 0.64), 0.6) == ["0.00", "0.64"]
    assert reports.distances((0.0, 0.604), 0.6) == ["0.000", "0.604"]
    assert reports.distances((0.59999,), 0.6) == ["0.59999"]


def test_the_banner_tells_of_recognisers_it_was_not_made_against():
    example = load().cloak
    (face,) = example.faces
    assert set(face.others) == set(RECOGNISERS) - set(face.recognisers)
    heading = "To recognisers it was not made against"
    text = reports.withstands(example)
    assert heading in text
    assert "faceres" in text.partition(heading)[2]
    alone = replace(example, faces=(replace(face, others={}),))
    assert heading not in reports.withstands(alone)
    known, hidden = (reports.withstands(others_of(example, hidden=each)) for each in (False, True))
    assert "Recogniser B (faceres) still knows it" in known
    assert "Recogniser B (faceres) does not know it" in hidden


def comparison(distance: float) -> Comparison:
    """The same distance to every recogniser."""
    each = {name: Match(distance, row.threshold) for name, row in RECOGNISERS.items()}
    return Comparison(distance, distance < 0.6, (1, 1), recognisers=each)


def test_a_test_of_a_cloak_is_by_every_recogniser():
    text = reports.verification_table(comparison(0.1), comparison(2.0))
    assert text.count("the same person") == text.count("different people") == len(RECOGNISERS)
    assert text.count("jn-kept") == len(RECOGNISERS)
    for name, row in RECOGNISERS.items():
        assert text.count(name) >= 2
        assert f"a match below {row.threshold:g}" in text


def test_a_second_photo_of_a_stranger_proves_nothing():
    text = reports.verification_table(comparison(2.0), comparison(2.1))
    assert "proves nothing" in text
    assert "jn-kept" not in text  # nothing is green


def test_methods_are_green_only_where_all_of_them_got_there():
    rated = [load(name) for name in FIRST]
    assert "jn-good" in compare.finding(rated)
    (face,) = rated[0].cloak.faces
    failed = replace(rated[0].cloak, faces=(replace(face, success=False),))
    some = [replace(rated[0], cloak=failed), *rated[1:]]
    assert "jn-mixed" in compare.finding(some)
    assert "jn-bad" in compare.finding(some[:1])


def test_the_picture_to_share_is_large_and_smooths_nothing():
    result = load().cloak
    drawn = decode(picture_to_share(result)).pixels
    assert drawn.shape[1] >= 1200
    left, top, right, bottom = result.faces[0].box
    colours = {tuple(colour) for colour in np.unique(drawn.reshape(-1, 3), axis=0)}
    face = result.pixels[top:bottom, left:right].reshape(-1, 3)
    assert {tuple(colour) for colour in np.unique(face, axis=0)} <= colours
