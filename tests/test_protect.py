"""The largest protection at a visibility: what it moves, what it keeps to, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import cloaking
import numpy as np
import pytest
import torch
from PIL import Image

from engine import cloak_photo, verify
from engine.cloak.face import Cloak
from engine.cloak.goals import goal_of
from engine.cloak.judge.versions import EXACT, ROBUST, USUAL
from engine.cloak.photo import cloak_steps
from engine.cloak.protect.canvas import Diversity, Faces, moved
from engine.cloak.protect.face import Protected, protect_face
from engine.cloak.protect.search import Settings, coloured, shares_of, smoothed, weights
from engine.cloak.protect.visibility import Visibility, visibility_of
from engine.cloak.state import FaceState, is_grey
from engine.commands import cli
from engine.errors import UsageError
from engine.faces.recognisers import RECOGNISERS
from engine.images.parts import around
from engine.metrics.quality import psnr_8bit

one_thread, portrait = cloaking.one_thread, cloaking.portrait
photo, eye = cloaking.photo, cloaking.eye
SHORT = Settings(steps=8)


@pytest.fixture(scope="module")
def cloak() -> Cloak:
    return Cloak(cloaking.simple_eye, against=tuple(RECOGNISERS))


def state_of(cloak, pixels, gallery=None) -> FaceState:
    face = cloak.finder.find(pixels)[0]
    goal = goal_of(cloak, pixels, face, None, gallery)
    return FaceState(pixels, face, goal, cloak.threshold(pixels))


def protected(cloak, state, visibility, standard=EXACT, **options) -> FaceState:
    for _ in protect_face(cloak, state, standard, visibility, settings=SHORT, **options):
        pass
    return state


def enlarged(portrait: np.ndarray, scale: int) -> np.ndarray:
    height, width = portrait.shape[:2]
    return np.array(Image.fromarray(portrait).resize((scale * width, scale * height)))


@pytest.mark.parametrize("scale", [1, 6])
def test_the_chips_are_those_of_the_recognisers(cloak, portrait, scale):
    """Also of a face that dlib halves; there the two are given differently halved photos."""
    pixels = enlarged(portrait, scale)
    face = cloak.finder.find(pixels)[0]
    faces = Faces(pixels, face, list(RECOGNISERS))
    assert bool(face.chip.levels) == (scale > 1)
    for name, row in RECOGNISERS.items():
        chip = faces.chip(name, faces.clean, None, torch.Generator())
        ours = 255 * chip[0].permute(1, 2, 0).numpy()
        theirs = row.chip(cloak.finder, pixels, face)
        assert np.abs(ours - theirs).max() < 2.5  # theirs are cut to whole levels at each halving
        assert np.abs(ours - theirs).mean() < 1.2


@pytest.mark.parametrize("wanted", [32.0, 37.0])
def test_the_change_is_as_large_as_is_wanted(cloak, portrait, wanted):
    state = protected(cloak, state_of(cloak, portrait), Visibility(wanted))
    near = around(state.face.box, *portrait.shape[1::-1])
    assert wanted <= psnr_8bit(portrait[near], state.pixels[near]) < wanted + 0.1
    assert state.seconds > 0
    assert not state.hurried


def test_the_more_may_be_seen_the_farther_it_leads(cloak, portrait):
    apart = []
    for wanted in (44.0, 36.0, 30.0):
        state = protected(cloak, state_of(cloak, portrait), Visibility(wanted))
        (look,) = state.verdict.looks
        apart.append(state.goal.distances(look.confirmed))
    for name in RECOGNISERS:
        distances = [each[name] for each in apart]
        assert distances == sorted(distances)
    assert state.reached


def test_what_a_jpeg_loses_is_no_part_of_it(cloak, portrait):
    """A JPEG of quality 90 alone is below the PSNR that is wanted."""
    standard = replace(EXACT, saving=USUAL)
    state = protected(cloak, state_of(cloak, portrait), Visibility(43.0), standard)
    near = around(state.face.box, *portrait.shape[1::-1])
    saved, after = USUAL.saved(portrait)[near], USUAL.saved(state.pixels)[near]
    assert psnr_8bit(portrait[near], saved) < 43
    assert 43 <= psnr_8bit(saved, after) < 44


def test_a_large_face_is_changed_around_it_alone(cloak, portrait):
    pixels = enlarged(portrait, 6)
    state = protected(cloak, state_of(cloak, pixels), Visibility(34.0))
    near = around(state.face.box, *pixels.shape[1::-1])
    assert 34 <= psnr_8bit(pixels[near], state.pixels[near]) < 34.2
    left, top, right, bottom = Protected(
        cloak, state, EXACT, Visibility(34.0), SHORT
    ).faces.canvas.box
    outside = np.ones(pixels.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert outside.any()
    assert not (pixels != state.pixels)[outside].any()


def test_a_black_and_white_photo_stays_so(cloak, portrait):
    grey = np.repeat(portrait.mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    state = protected(cloak, state_of(cloak, grey), Visibility(34.0))
    assert is_grey(state.pixels)
    assert (state.pixels != grey).any()


def test_a_gallery_leads_away_from_it_too(cloak, portrait):
    """From a mirrored photo of the same person, farther than without knowing it."""
    mirrored = np.ascontiguousarray(portrait[:, ::-1])
    other = cloak.recognisers.describe(mirrored, cloak.finder.find(mirrored)[0])
    gallery = {name: each[None] for name, each in other.items()}
    apart = []
    for known in (None, gallery):
        state = protected(cloak, state_of(cloak, portrait, known), Visibility(36.0))
        (look,) = state.verdict.looks
        apart.append({k: float(np.linalg.norm(v - other[k])) for k, v in look.confirmed.items()})
    assert sum(apart[1][name] > apart[0][name] for name in RECOGNISERS) >= 1
    assert shares_of(1, 0.7).tolist() == [1]
    assert shares_of(3, 0.7).tolist() == pytest.approx([0.35, 0.35, 0.3])


def test_the_same_seed_gives_the_same_photo(cloak, portrait):
    states = [
        protected(cloak, state_of(cloak, portrait), Visibility(36.0), seed=seed)
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(states[0].pixels, states[1].pixels)
    assert not np.array_equal(states[0].pixels, states[2].pixels)


def test_late_or_cancelled_ends_it(cloak, portrait):
    state = protected(cloak, state_of(cloak, portrait), Visibility(36.0), max_seconds=0)
    assert state.hurried
    assert state.gradients == len(RECOGNISERS)
    assert state.verdict is not None
    state = protected(cloak, state_of(cloak, portrait), Visibility(36.0), cancelled=lambda: True)
    assert state.gradients == len(RECOGNISERS)


def test_a_jod_is_kept_to(cloak, portrait, monkeypatch):
    pytest.importorskip("pycvvdp")
    from engine.metrics.perceptual import jod

    state = protected(cloak, state_of(cloak, portrait), Visibility(None, 9.5))
    near = around(state.face.box, *portrait.shape[1::-1])
    assert 9.5 <= jod(portrait[near], state.pixels[near]) < 9.6


def test_moved_chips_stay_about_the_face(cloak, portrait):
    chip = cloak.finder.find(portrait)[0].chip
    noise = torch.Generator().manual_seed(0)
    middle = (chip.pixels - 1) / 2 * np.ones(2)
    places = []
    for _ in range(50):
        other = moved(chip, Diversity(), noise)
        places.append(other.matrix @ [*middle, 1] - chip.matrix @ [*middle, 1])
        assert 0.7 < other.side / chip.side < 1.3
    assert np.abs(np.mean(places, 0)).max() < 0.02 * chip.side
    assert np.std(places, 0).max() > 0.01 * chip.side
    still = moved(chip, Diversity(turn=0, size=0, shift=0), noise)
    assert np.allclose(still.matrix, chip.matrix)


def test_the_parts_of_the_search():
    x = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    assert torch.equal(smoothed(x, 0), x)
    assert smoothed(x, 2.0).std() < x.std()
    assert torch.allclose(smoothed(torch.ones_like(x), 1.5), torch.ones_like(x))
    assert torch.allclose(coloured(x, 1.0), x)
    grey = coloured(x, 0.0)
    assert torch.allclose(grey, grey[:, :1].expand_as(grey), atol=1e-4)
    assert torch.allclose(weights(x, 0.0, 0.0), torch.ones_like(x))
    assert float(weights(x, 1.0, 1.0).square().mean()) == pytest.approx(1)


def test_a_larger_face_is_changed_less_where_nothing_is_said():
    small, usual, large = (Visibility().of(side).wanted for side in (60, 110, 440))
    assert small == usual == 35
    assert large == 35 + 2 * 3
    assert Visibility(33.0).of(440) == Visibility(33.0)
    assert Visibility(None, 9.5).of(440) == Visibility(None, 9.5)


def test_robust_holds_in_all_versions(cloak, portrait):
    steps = cloak_steps(cloak, portrait, visibility=Visibility(32.0), max_seconds=100)
    result = cloaking.finish(steps)
    (face,) = result.faces
    assert face.success
    assert set(face.distances) == set(ROBUST.versions)
    assert all(each.reached for each in face.survives.values())
    assert face.others == {}
    assert face.psnr_db == pytest.approx(32, abs=0.1)
    matches = verify(portrait, result.pixels).recognisers
    assert not any(each.same for each in matches.values())


@pytest.mark.usefixtures("eye")
def test_on_the_command_line(photo, tmp_path, capsys):
    quick = ["--exact", "--max-seconds", "0", "--out", str(tmp_path / "out"), "--json"]
    assert cli.main(["cloak", photo, *quick, "--protect", "unseen", "--psnr", "50"]) == 3
    streams = capsys.readouterr()
    assert "a lower --psnr or --jod" in streams.err
    (face,) = json.loads(streams.out)["faces"]
    assert set(face["recognisers"]) == set(RECOGNISERS)
    assert "protect unseen" in streams.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--psnr", "40"], "add --protect"),
        (["--jod", "9"], "add --protect"),
        (["--protect", "unseen", "--psnr", "40", "--jod", "9"], "two measures"),
        (["--protect", "unseen", "--psnr", "400"], "outside 20"),
        (["--protect", "unseen", "--jod", "nan"], "outside 5"),
        (["--protect", "unseen", "--target", "b.jpg"], "leads away from a person"),
        (["--protect", "unseen", "--method", "paper"], "leave out --method"),
    ],
)
def test_what_does_not_go_together(photo, options, words, capsys):
    assert cli.main(["cloak", photo, *options]) == 2
    assert words in capsys.readouterr().err


def test_in_python_too(portrait, monkeypatch):
    with pytest.raises(UsageError, match="unseen"):
        cloak_photo(portrait, protect="everyone")
    with pytest.raises(UsageError, match="add --protect"):
        cloak_photo(portrait, psnr=40)
    assert visibility_of(None, None) == Visibility()
    assert visibility_of(41, None) == Visibility(41)
    assert replace(Visibility(), jod=9.5).wanted == 9.5
    import builtins

    whole = builtins.__import__

    def missing(name, *rest, **options):
        if name == "pycvvdp":
            raise ModuleNotFoundError(name)
        return whole(name, *rest, **options)

    from engine.metrics import perceptual

    perceptual.colour_video_vdp.cache_clear()
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UsageError, match="needs cvvdp"):
        visibility_of(None, 9.5)
