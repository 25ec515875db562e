"""Several recognisers: the table of them, what each is given, and an attack on all of them."""

from __future__ import annotations

import json

import cloaking
import numpy as np
import pytest
import torch
from PIL import Image

from engine.attack import transforms
from engine.attack.alignment import extract
from engine.attack.loop import Search, last
from engine.attack.methods import method
from engine.attack.observers import SeveralObservers, Verification, View, observe_with
from engine.attack.problem import Problem
from engine.commands import cli
from engine.errors import UsageError
from engine.faces.chip import DLIB, PADDING, PLACES, Framing, locate_chip
from engine.faces.finder import load_finder
from engine.faces.gallery import EveryGoal, Matching
from engine.faces.recognisers import RECOGNISERS, named
from engine.faces.verification import verify
from engine.models.registry import MODELS, RECOGNISER_NAMES
from engine.networks.faces.loading import LOADERS, load
from training.records.record import RESULTS, read_json

one_thread, portrait = cloaking.one_thread, cloaking.portrait
TEMPERATURE = 0.08  # of a recogniser's threshold


@pytest.fixture(scope="module")
def finder():
    return load_finder()


@pytest.fixture(scope="module")
def face(finder, portrait):
    return finder.find(portrait)[0]


# --- the table ---


def test_every_table_of_recognisers_has_the_same_names():
    assert tuple(RECOGNISERS) == RECOGNISER_NAMES == tuple(LOADERS)
    assert all(row.model in MODELS for row in RECOGNISERS.values())


def test_recognisers_are_named_in_one_word_or_refused_in_one_line():
    assert [row.name for row in named("all")] == ["dlib", "faceres"]
    assert [row.name for row in named("faceres, dlib,faceres")] == ["faceres", "dlib"]
    assert [row.name for row in named(("dlib",))] == ["dlib"]
    for wrong in ("", "facenet", "all,dlib"):
        with pytest.raises(UsageError, match=r"no recogniser .*choose from dlib, faceres"):
            named(wrong)


@pytest.mark.parametrize("name", RECOGNISER_NAMES)
def test_thresholds_are_the_measured_ones(name):
    """On the weights and with the framing that ship."""
    result, row = read_json(RESULTS / "recognisers.json"), RECOGNISERS[name]
    measured = next(each for each in result["rows"] if each["recogniser"] == name)
    for share, rates in measured["at_false_matches"].items():
        assert row.false_matches[float(share)] == pytest.approx(rates["threshold"], abs=5e-4)
    assert measured["as_used"]["threshold"] == row.threshold
    model = MODELS[row.model]
    assert result["weights"][model.file] == model.sha256
    framing = {"side": row.framing.side, "padding": row.framing.padding}
    assert result["framing"][name] == framing


# --- what each is given, and what it computes ---


def test_a_framing_shows_more_around_the_same_middle():
    landmarks = (PADDING + PLACES) / (2 * PADDING + 1) * 300 + (400, 350)
    wide = locate_chip(landmarks, 1200, 1200, Framing(300, 0.75))
    usual = locate_chip(landmarks, 1200, 1200, Framing(300, PADDING))
    assert wide.side / usual.side == pytest.approx(2.5 / 1.5, rel=0.01)
    middles = [
        2**chip.levels * (chip.matrix @ (149.5, 149.5, 1)) + chip.box[:2] for chip in (wide, usual)
    ]
    assert np.abs(middles[0] - middles[1]).max() < 3
    assert not wide.same(usual)
    assert locate_chip(landmarks, 1200, 1200).same(locate_chip(landmarks, 1200, 1200, DLIB))
    part = usual.within(300, 200).within(10, 5)  # of a part of the photo, then of a part of that
    assert part.framed(Framing(300, 0.75)).same(wide.within(310, 205))
    assert part.framed(Framing(300, PADDING)).same(part)


@pytest.mark.parametrize("size", [256, 700, 1800])
@pytest.mark.parametrize("name", RECOGNISER_NAMES)
def test_both_runtimes_see_the_same_face(name, size, portrait, finder):
    """The chip that is cut out with a gradient is dlib's, and so is what is computed of it."""
    photo = Image.fromarray(portrait).resize((size, size), Image.Resampling.LANCZOS)
    pixels, row = np.array(photo.rotate(7)), RECOGNISERS[name]
    face = finder.find(pixels)[0]
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    chip = face.chip.framed(row.framing)
    ours = (extract(x, [chip])[0].permute(1, 2, 0).numpy() * 255).round()
    theirs = row.chip(finder, pixels, face)
    assert ours.shape == theirs.shape == (row.framing.side, row.framing.side, 3)
    assert np.abs(ours - theirs).max() <= 1
    assert (ours != theirs).mean() < 0.02
    embedding = load(name).describe(ours.astype(np.uint8)[None])[0]
    assert embedding.shape == (row.size,)
    assert np.linalg.norm(embedding - row.describe(finder, pixels, face)) < 0.01


def test_an_own_folder_of_weights_is_used(portrait, finder, face, tmp_path):
    file = tmp_path / MODELS["faceres"].file
    file.write_bytes(b"not a graph")
    with pytest.raises(Exception, match="expected"):
        RECOGNISERS["faceres"].describe(finder, portrait, face, weights=str(tmp_path))


# --- verification ---


def test_a_comparison_is_of_every_recogniser_and_the_first_one_counts(portrait):
    mirrored = np.ascontiguousarray(portrait[:, ::-1])
    both = verify(portrait, mirrored)
    assert list(both.recognisers) == ["dlib", "faceres"]
    assert both.distance == both.recognisers["dlib"].distance
    assert both.same
    assert all(match.same for match in both.recognisers.values())
    alone = verify(portrait, mirrored, against="faceres")
    assert list(alone.recognisers) == ["faceres"]
    assert alone.distance == both.recognisers["faceres"].distance != both.distance
    assert alone.threshold == RECOGNISERS["faceres"].threshold
    assert verify(portrait, mirrored, against="faceres,dlib").distance == alone.distance


def test_the_command_reports_each(portrait, tmp_path, capsys):
    path = str(tmp_path / "portrait.png")
    Image.fromarray(portrait).save(path)
    assert cli.main(["verify", path, path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "the same person to dlib",
        "the same person to faceres",
    ]
    assert cli.main(["verify", path, path, "--json", "--against", "faceres"]) == 0
    said = json.loads(capsys.readouterr().out)
    expected = {"same": True, "distance": 0, "threshold": RECOGNISERS["faceres"].threshold}
    assert said["recognisers"] == {"faceres": expected}
    assert {key: said[key] for key in expected} == expected
    assert cli.main(["verify", path, path, "--against", "clearview"]) == 2
    assert "choose from dlib, faceres" in capsys.readouterr().err


def test_a_goal_of_several_is_reached_where_each_is():
    near, far = np.zeros(2), np.ones(2)
    goal = EveryGoal({"dlib": Matching(near[None]), "faceres": Matching(near[None], threshold=1.0)})
    assert not goal.targeted
    assert goal.reached({"dlib": far, "faceres": far})
    assert not goal.reached({"dlib": far, "faceres": near})
    assert not goal.reached({"dlib": near, "faceres": far})
    assert goal.distance({"dlib": near, "faceres": far}) == 0
    assert goal.distances({"dlib": near, "faceres": far})["faceres"] == pytest.approx(2**0.5)


# --- an attack on several ---


def observer(names, portrait, finder, face, versions) -> SeveralObservers:
    """Each recogniser, away from the portrait's own embedding, in each version of it."""
    heads = {}
    for name in names:
        row = RECOGNISERS[name]
        own = row.describe(finder, portrait, face)[None]
        heads[name] = Verification([own], row.threshold, TEMPERATURE * row.threshold)
    views = [View(each, (face.chip,)) for each in versions]
    return observe_with({name: load(name) for name in names}, views, heads)


def picture(portrait) -> torch.Tensor:
    return torch.from_numpy(portrait).permute(2, 0, 1)[None].float() / 255


def test_several_observers_are_each_of_them_in_turn(portrait, finder, face):
    calls = []

    def counted(x):
        calls.append(len(x))
        return x

    views = (counted, transforms.jpeg(75))
    several = observer(RECOGNISER_NAMES, portrait, finder, face, views)
    z, rows = picture(portrait), torch.tensor([0])
    logits = several(z, rows)
    assert calls == [1]  # once for both recognisers
    assert logits.shape == (1, len(several.views), 2) == (1, 4, 2)
    each = [one(z, rows) for one in several.observers]
    torch.testing.assert_close(logits, torch.cat(each, 1))
    # the portrait itself: as far from the threshold as it gets, alike for both
    np.testing.assert_allclose(logits[0, ::2, 0], 1 / TEMPERATURE, rtol=0.02)


def test_the_gradient_is_that_of_the_sum_and_of_differences(portrait, finder, face):
    several = observer(RECOGNISER_NAMES, portrait, finder, face, (transforms.same,))
    noise = torch.randn(1, 3, *portrait.shape[:2], generator=torch.Generator().manual_seed(3))
    z, rows = (picture(portrait) + 0.05 * noise).clamp(0.02, 0.98), torch.tensor([0])

    def slope(call):
        x = z.clone().requires_grad_()
        call(x)[..., 0].sum().backward()
        return x.grad

    whole = slope(lambda x: several(x, rows))
    parts = [slope(lambda x, one=one: one(x, rows)) for one in several.observers]
    torch.testing.assert_close(whole, sum(parts))
    for one, gradient in zip(several.observers, parts, strict=True):
        step = 2e-2 * gradient / gradient.norm()
        up, down = (float(one(z + sign * step, rows)[0, 0, 0]) for sign in (1, -1))
        # chips are cut to whole levels, so a difference is only nearly the slope
        assert (up - down) / (2 * step.norm()) == pytest.approx(gradient.norm(), rel=0.5)


@pytest.mark.parametrize("names", [("faceres",), RECOGNISER_NAMES])
def test_an_attack_fools_those_it_is_made_against(names, portrait, finder, face):
    several = observer(names, portrait, finder, face, (transforms.same,))
    problem = Problem(
        clean=picture(portrait),
        threshold=torch.full((1, 3, *portrait.shape[:2]), 3 / 255),
        observer=several,
        labels=torch.zeros(1, len(several.views), dtype=torch.int64),
        targeted=False,
        margin=1,  # the face is found again a pixel elsewhere
    )
    search = Search(problem, method("ddn", False), seed=0)
    found = last(search.steps())
    assert found.found[0]
    cloaked = (found.best[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    seen = verify(portrait, cloaked).recognisers
    assert not any(seen[name].same for name in names)
    if names == ("faceres",):  # one alone does not bring the other along
        assert seen["dlib"].same
