"""A photo in, a cloaked file out: away from itself or to a target, alone or in a batch."""

from __future__ import annotations

import cloaking
import numpy as np
import pytest
from cloaking import finish, run, state_of

from engine.attack.methods.ours import FAR, NEAR
from engine.cloak.judge.versions import LASTING
from engine.cloak.photo import cloak_steps
from engine.cloak.state import is_grey
from engine.faces.finder import SAME
from engine.faces.gallery import Matching
from engine.images.picture import decode

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


def test_a_cloak_holds_in_the_file(cloak, portrait):
    result = finish(cloak_steps(cloak, portrait, robust=False))
    (face,) = result.faces
    assert result.success
    assert face.before == pytest.approx(0, abs=1e-6)
    assert face.after > SAME
    assert result.psnr_db > 36
    assert result.pixels.shape == portrait.shape
    np.testing.assert_array_equal(decode(result.png).pixels, result.pixels)
    again = cloak.finder.find(result.pixels)[0]
    moved = cloak.finder.describe(result.pixels, again) - cloak.finder.describe(
        portrait, cloak.finder.find(portrait)[0]
    )
    assert np.linalg.norm(moved) > SAME  # by dlib alone, from detection to descriptor
    changed = (result.pixels != portrait).any(2)
    left, top, right, bottom = face.box
    margin = (right - left) // 2
    changed[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = False
    assert not changed.any()  # nothing but the face


def test_a_black_and_white_photo_stays_so(cloak, portrait):
    grey = np.repeat(portrait.mean(2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    result = finish(cloak_steps(cloak, grey, robust=False))
    assert result.success
    assert is_grey(result.pixels)


def test_from_itself_it_is_a_longer_way(cloak, portrait):
    (face,) = cloak.finder.find(portrait)
    own = cloak.describe(portrait, face)
    other = own + np.float32(0.3) * np.eye(128, dtype=np.float32)[0]
    counts = {}
    for name, goal in (("itself", Matching(own[None])), ("another", Matching(other[None]))):
        steps = list(cloak.run([state_of(cloak, portrait, face, goal)], "ours"))
        counts[name] = sum(step.attempt == 1 for step in steps)
    assert counts["itself"] > counts["another"] + FAR[0] - NEAR[0] - 5
    itself = state_of(cloak, portrait, face, Matching(own[None]))
    steps = list(cloak.run([itself], "ours", standard=LASTING))
    assert sum(step.attempt == 1 for step in steps) < FAR[0]


def test_several_photos_advance_together(cloak, portrait):
    flipped = np.ascontiguousarray(portrait[:, ::-1])
    states = []
    for pixels in (portrait, flipped):
        face = cloak.finder.find(pixels)[0]
        goal = Matching(cloak.finder.describe(pixels, face)[None])
        states.append(state_of(cloak, pixels, face, goal))
    done = run(cloak, states, "ours")
    assert [each.verdict.reached for each in done] == [True, True]


def test_black_and_white_and_colour_go_together_in_a_batch(cloak, portrait):
    grey = np.repeat(portrait.mean(2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    states = []
    for pixels in (grey, portrait):
        face = cloak.finder.find(pixels)[0]
        goal = Matching(cloak.finder.describe(pixels, face)[None])
        states.append(state_of(cloak, pixels, face, goal))
    done = run(cloak, states, "bim")
    assert [is_grey(each.pixels) for each in done] == [True, False]
    assert all(each.attempts for each in done)


def test_the_distance_to_oneself_is_told_apart_from_that_to_a_target(cloak, portrait):
    own = cloak.describe(portrait, cloak.finder.find(portrait)[0])
    other = (own + np.float32(0.5) * np.eye(128, dtype=np.float32)[0])[None]
    (face,) = finish(cloak_steps(cloak, portrait, robust=False, target={"dlib": other})).faces
    assert face.success
    assert face.targeted
    assert face.recognisable
    assert face.own < SAME
    (dodged,) = finish(cloak_steps(cloak, portrait, robust=False)).faces
    assert not dodged.recognisable
    assert dodged.own == pytest.approx(dodged.after, abs=1e-6)


def test_a_face_is_moved_to_a_target(cloak, portrait):
    own = cloak.describe(portrait, cloak.finder.find(portrait)[0])
    other = (own + np.float32(0.8) * np.eye(128, dtype=np.float32)[0])[None]
    (face,) = finish(cloak_steps(cloak, portrait, robust=False, target={"dlib": other})).faces
    assert face.before > SAME > face.after
    assert face.success
