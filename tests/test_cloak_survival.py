"""What a cloaked file survives is measured on the file, and said."""

from __future__ import annotations

import io

import cloaking
import numpy as np
import pytest
from cloaking import finish
from PIL import Image

from engine.cloak.judge.survival import GRID, Survival, in_words, part_around, survival
from engine.cloak.judge.versions import LISTED, RESERVE, ROBUST
from engine.cloak.photo import cloak_steps
from engine.faces.finder import SAME
from engine.faces.gallery import Matching
from engine.images.picture import decode

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


@pytest.fixture(scope="module")
def results(cloak, portrait):
    found = {}
    for robust in (False, True):
        found[robust] = finish(cloak_steps(cloak, portrait, robust=robust))
    return found


def test_an_exact_cloak_is_undone_by_jpeg_and_a_robust_one_is_not(results):
    exact, robust = (results[kind].faces[0].survives for kind in (False, True))
    assert set(exact) == set(robust) == set(LISTED)
    assert not exact["jpeg75"].reached
    assert results[False].faces[0].reserve is None
    (held,) = results[True].faces
    assert held.reserve
    assert set(RESERVE) < set(held.distances) == set(ROBUST.versions)
    assert min(held.distances.values()) > SAME
    for name in LISTED:
        assert robust[name].reached
        assert robust[name].distance > SAME


def test_it_is_what_a_second_look_at_the_changed_file_finds(cloak, portrait, results):
    """The whole file saved as JPEG, found and described by dlib alone."""
    result = results[False]
    own = cloak.finder.describe(portrait, cloak.finder.find(portrait)[0])
    stream = io.BytesIO()
    Image.fromarray(result.pixels).save(stream, "JPEG", quality=75)
    again = decode(stream.getvalue()).pixels
    distance = np.linalg.norm(cloak.finder.describe(again, cloak.finder.find(again)[0]) - own)
    assert result.faces[0].survives["jpeg75"].distance == pytest.approx(distance, abs=0.02)


def test_a_photo_that_matches_survives_nothing(cloak, portrait):
    face = cloak.finder.find(portrait)[0]
    goal = Matching(cloak.finder.describe(portrait, face)[None])
    found = survival(cloak.recognisers, portrait, face, goal)
    assert not any(each.reached for each in found.values())
    assert all(each.distance < 0.3 for each in found.values())


def test_of_a_large_photo_the_part_begins_on_the_grid(cloak, portrait):
    face = cloak.finder.find(portrait)[0]
    left, top, right, bottom = part_around(face, 4000, 3000)
    assert left % GRID == top % GRID == 0
    assert left <= face.box[0] - face.side + GRID
    assert right - face.box[2] == bottom - face.box[3] == round(face.side / 2)


def test_it_is_said_in_words():
    yes, no = Survival(True, 0.7), Survival(False, 0.5)
    assert in_words({"jpeg90": yes, "half": no}) == "survives JPEG 90; is undone by half size"
    assert in_words({"jpeg90": yes}) == "survives JPEG 90"
    assert in_words({"half": no}) == "is undone by half size"
