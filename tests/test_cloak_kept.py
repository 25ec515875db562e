"""What was judged to hold is never lost: whenever a search ends, the best of it is returned."""

from __future__ import annotations

import cloaking
import numpy as np
import pytest
from cloaking import finish, state_of

from engine.cloak.photo import cloak_steps
from engine.cloak.state import FaceState
from engine.faces.gallery import Matching

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


@pytest.fixture
def state(cloak, portrait) -> FaceState:
    face = cloak.finder.find(portrait)[0]
    goal = Matching(cloak.finder.describe(portrait, face)[None])
    return state_of(cloak, portrait, face, goal)


@pytest.fixture
def judged(cloak, monkeypatch):
    """Every PNG that was judged, in order, and whether it held."""
    seen = []
    verdict_of = cloak._verdict

    def noted(png, state, versions):
        looks, verdict = verdict_of(png, state, versions)
        seen.append((png, verdict is not None and verdict.reached))
        return looks, verdict

    monkeypatch.setattr(cloak, "_verdict", noted)
    return seen


def energy(state: FaceState, pixels: np.ndarray) -> float:
    return float(np.square(pixels.astype(float) - state.photo).sum())


def test_after_every_step_the_best_judged_file_is_there(cloak, state, judged):
    steps = 0
    for _ in cloak.run([state], "ours-p0.0", keep=True):
        good = [png for png, held in judged if held]
        assert (state.held is None) == (not good)
        if good:
            assert state.held.png == good[-1]  # each is judged because it is smaller
            assert state.held.verdict.reached
        steps += 1
    assert steps > 20
    assert sum(held for _, held in judged) > 1
    assert state.reached
    assert energy(state, state.pixels) <= energy(state, state.held.pixels)


@pytest.mark.parametrize("method", ["ours", "fgsm"])
def test_a_search_that_is_stopped_returns_what_held_by_then(cloak, state, judged, method):
    steps = cloak.run([state], method, keep=True, cancelled=lambda: state.held is not None)
    for _ in steps:
        pass
    assert state.reached
    assert state.png in [png for png, held in judged if held]
    assert state.hurried


def test_a_later_failure_does_not_undo_an_earlier_success(cloak, state, monkeypatch):
    """The finished search's file fails, as where the face is found elsewhere; the time is over."""
    verdict_of = cloak._verdict
    over = []

    def verdict(png, state, versions):
        looks, verdict = verdict_of(png, state, versions)
        if state.held is not None:
            over.append(True)
            return looks, None
        return looks, verdict

    monkeypatch.setattr(cloak, "_verdict", verdict)
    for _ in cloak.run([state], "ours", keep=True, cancelled=lambda: bool(over)):
        pass
    assert state.held is not None
    assert state.reached
    assert state.png == state.held.png


def test_a_report_says_that_the_time_was_over(cloak, portrait):
    tired = []

    def cancelled():
        tired.append(True)
        return len(tired) > 12

    result = finish(cloak_steps(cloak, portrait, cancelled=cancelled))
    (face,) = result.faces
    assert face.success == result.success
    assert face.hurried == face.success
    assert face.to_dict()["stopped_early"] == face.hurried
    whole = finish(cloak_steps(cloak, portrait))
    assert whole.success
    assert not whole.faces[0].hurried
    if face.success:
        assert whole.psnr_db > result.psnr_db
