"""The verdict is on the file as it is read again; what it leaves is spent or learnt from."""

from __future__ import annotations

from dataclasses import replace

import cloaking
import numpy as np
import pytest
from cloaking import run, state_of

from engine.attack.methods.ours import ours
from engine.cloak.judge.verdict import judge, look
from engine.cloak.judge.versions import LASTING, version
from engine.faces.finder import SAME
from engine.faces.gallery import Matching
from engine.images.picture import decode, encode_png
from engine.metrics.quality import psnr_8bit

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


def test_the_margin_is_spent_by_the_verdict(cloak, portrait):
    (found,) = cloak.finder.find(portrait)
    goal = Matching(cloak.describe(portrait, found)[None])
    results = {}
    for shaved in (False, True):

        def row(targeted, shaved=shaved):
            near = replace(ours(targeted), far=None)
            return near if shaved else replace(near, shave=None)

        (results[shaved],) = run(cloak, [state_of(cloak, portrait, found, goal)], row)
    plain, small = results[False], results[True]
    assert plain.verdict.reached
    assert small.verdict.reached
    assert SAME < small.verdict.distance < plain.verdict.distance
    assert small.gradients > plain.gradients
    assert psnr_8bit(portrait, small.pixels) > psnr_8bit(portrait, plain.pixels)
    np.testing.assert_array_equal(decode(small.png).pixels, small.pixels)
    assert judge(cloak.recognisers, small.png, found, goal).reached


def test_an_attempt_learns_the_alignments_in_which_it_failed(cloak, portrait):
    face = cloak.finder.find(portrait)[0]
    goal = Matching(cloak.finder.describe(portrait, face)[None])
    state = state_of(cloak, portrait, face, goal)
    state.begin([("png", face.chip)])
    looks = look(cloak.recognisers, encode_png(portrait), face, LASTING.versions)
    state.learn(looks, resumed=False, first=True)
    assert [name for name, _ in state.views] == list(LASTING.versions)  # png's alignment was known
    elsewhere = replace(face.chip, box=(0, 0, 9, 9))
    moved = replace(looks[0], face=replace(face, chip=elsewhere))
    held = [replace(each, ports={"dlib": goal.enrolled[0] + 1}) for each in looks[1:]]
    state.learn([moved, *held], resumed=True, first=True)
    assert [name for name, _ in state.views] == list(LASTING.versions)
    assert state.views[0] == ("png", elsewhere)  # in place of the one before
    state.learn([moved, *held], resumed=True, first=False)
    assert [name for name, _ in state.views] == [
        "png",
        *LASTING.versions,
    ]  # both, nothing from what held


def test_the_verdict_is_on_what_is_read_again(cloak, portrait):
    face = cloak.finder.find(portrait)[0]
    goal = Matching(cloak.finder.describe(portrait, face)[None])
    verdict = judge(cloak.recognisers, encode_png(portrait), face, goal, LASTING.versions)
    assert not verdict.reached
    assert verdict.agree
    assert verdict.distances["png"] == pytest.approx(0, abs=1e-6)
    assert max(verdict.distances.values()) < 0.4
    for name, size in zip(LASTING.versions, (256, 256, 128, 128), strict=True):
        assert version(name, portrait).shape == (size, size, 3)
    blank = encode_png(np.full_like(portrait, 128))
    unseen = judge(cloak.recognisers, blank, face, goal)
    assert not unseen.looks[0].detected  # not being found is no protection: the place is described
