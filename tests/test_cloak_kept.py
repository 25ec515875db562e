"""What was judged to hold is never lost: whenever a search ends, the best of it is returned."""

from __future__ import annotations

import json
from types import SimpleNamespace

import cloaking
import numpy as np
import pytest
from cloaking import finish, state_of
from PIL import Image

from engine.cloak.figure import difference, draw_figure, part_of
from engine.cloak.photo import announced, cloak_steps
from engine.cloak.state import CloakProgress, FaceState
from engine.commands import cli
from engine.faces.gallery import Matching
from engine.images.picture import encode_png

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak
photo, eye = cloaking.photo, cloaking.eye


@pytest.fixture
def state(cloak, portrait) -> FaceState:
    face = cloak.finder.find(portrait)[0]
    goal = Matching(cloak.finder.describe(portrait, face)[None])
    return state_of(cloak, portrait, face, goal)


@pytest.fixture
def judged(cloak, monkeypatch):
    """Every PNG that was judged, in order, and whether it held."""
    seen = []
    verdict_of = cloak.verdict

    def noted(pixels, state, standard):
        looks, verdict = verdict_of(pixels, state, standard)
        seen.append((encode_png(pixels), verdict is not None and verdict.reached))
        return looks, verdict

    monkeypatch.setattr(cloak, "verdict", noted)
    return seen


def energy(state: FaceState, pixels: np.ndarray) -> float:
    return float(np.square(pixels.astype(float) - state.photo).sum())


def test_after_every_step_the_best_judged_file_is_there(cloak, state, judged):
    steps = 0
    for _ in cloak.run([state], "ours-p0.0", keep=True):
        good = [png for png, held in judged if held]
        assert (state.held is None) == (not good)
        if good:
            assert encode_png(state.held.pixels) == good[-1]  # each is judged because it is smaller
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
    verdict_of = cloak.verdict
    over = []

    def verdict(pixels, state, standard):
        looks, verdict = verdict_of(pixels, state, standard)
        if state.held is not None:
            over.append(True)
            return looks, None
        return looks, verdict

    monkeypatch.setattr(cloak, "verdict", verdict)
    for _ in cloak.run([state], "ours", keep=True, cancelled=lambda: bool(over)):
        pass
    assert state.held is not None
    assert state.reached
    assert state.pixels is state.held.pixels


def test_a_report_says_that_the_time_was_over(cloak, portrait):
    tired = []

    def cancelled():
        tired.append(True)
        return len(tired) > 12

    result = finish(cloak_steps(cloak, portrait, robust=False, cancelled=cancelled))
    (face,) = result.faces
    assert face.success == result.success
    assert face.hurried == face.success
    assert face.to_dict()["stopped_early"] == face.hurried
    whole = finish(cloak_steps(cloak, portrait, robust=False))
    assert whole.success
    assert not whole.faces[0].hurried
    if face.success:
        assert whole.psnr_db > result.psnr_db


def test_progress_says_which_face_is_at_hand_and_how_long_it_may_take():
    step = CloakProgress("searching", 0.5, 1, 3, 0, 1)
    (told,) = announced(iter([step]), 2, 3, 60.0)
    assert told.doing == "face 2 of 3, searching, 60 s left at most"
    assert (told.share, told.steps) == (0.5, 3)
    assert next(announced(iter([step]), 1, 1, None)) == step


def test_a_figure_shows_each_face_before_after_and_the_difference(portrait):
    def face(number, box):
        return SimpleNamespace(number=number, box=box)

    pixels = portrait.copy()
    pixels[100:110, 100:110] += 3
    faces = (face(1, (90, 90, 130, 130)), face(2, (0, 0, 20, 30)))
    result = SimpleNamespace(original=portrait, pixels=pixels, faces=faces, size=(256, 256))
    drawn = draw_figure(result, "a name")
    assert drawn.ndim == 3
    rows, columns = part_of(faces[0].box, 256, 256)
    assert portrait[rows, columns].shape == (60, 60, 3)  # a quarter more on each side
    assert difference(portrait, pixels)[105, 105, 0] in (128 + 48, 255)
    assert difference(portrait, portrait).min() == 128
    for part in (portrait[rows, columns], pixels[rows, columns]):  # pixel by pixel
        windows = np.lib.stride_tricks.sliding_window_view(drawn, part.shape)[:, :, 0]
        assert any((windows[y, x] == part).all() for y, x in np.argwhere(corner(drawn, part)))


def corner(drawn: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Where a part of a figure may begin: bool, as many as there is room for."""
    height, width = part.shape[:2]
    return (drawn[: len(drawn) - height + 1, : drawn.shape[1] - width + 1] == part[0, 0]).all(2)


def test_the_command_writes_a_figure_on_request(photo, tmp_path, capsys, eye):
    out = ["--out", str(tmp_path / "out"), "--method", "bim", "--json"]
    assert cli.main(["cloak", photo, "--figure", "--exact", *out]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["figure"].endswith("portrait.figure.png")
    with Image.open(report["figure"]) as image:
        assert image.width > 3 * 100
