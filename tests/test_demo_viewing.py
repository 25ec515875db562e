"""The viewing test: who sees what on which side, and what many answers amount to."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest

from demo.handlers import viewing
from demo.handlers.answer_files import COLUMNS, from_csv, to_csv
from demo.handlers.viewer_statistics import Answer, Viewer, analyse, kurtosis, screen, summarise
from engine.errors import ImageError, UsageError
from engine.images.picture import decode, encode_png
from engine.images.samples import sample_paths
from engine.metrics.quality import psnr_8bit

SHOWN = {name: ["original", "flat", "wu2017"] for name in ("a", "b", "c", "d")}


# --- the plan ---


def test_every_pair_of_every_picture_is_shown_once():
    trials = viewing.plan(SHOWN, seed=1, most=60)
    counted = [trial for trial in trials if trial.counts]
    seen = {(trial.picture, *sorted((trial.left, trial.right))) for trial in counted}
    wanted = {(name, *sorted(pair)) for name in SHOWN for pair in combinations(SHOWN["a"], 2)}
    assert seen == wanted
    assert len(counted) == len(wanted)
    assert [trial.counts for trial in trials[:3]] == [False, False, True]
    assert all(one.picture != two.picture for one, two in pairwise(counted))


def test_order_and_sides_are_drawn():
    plans = {viewing.plan(SHOWN, seed, 60) for seed in range(20)}
    assert len(plans) == 20
    assert viewing.plan(SHOWN, 3, 60) == viewing.plan(SHOWN, 3, 60)
    left = sum(
        trial.left == "flat"
        for seed in range(200)
        for trial in viewing.plan(SHOWN, seed, 60, practice=0)
        if "flat" in (trial.left, trial.right)
    )
    assert left / (200 * 8) == pytest.approx(0.5, abs=0.05)  # 4 standard errors


def test_too_much_and_too_little_are_refused():
    with pytest.raises(UsageError, match="choose two kinds or more"):
        viewing.plan({"a": ["original"]}, 0, 60)
    with pytest.raises(UsageError, match="12 pairs; the limit is 11"):
        viewing.plan(SHOWN, 0, 11)


def test_a_test_counts_its_answers_and_not_the_practice():
    test = viewing.Test("ab12", viewing.plan(SHOWN, 5, 60), 28.0, {})
    scores = [3, -3, *(k % 7 - 3 for k in range(12))]
    for score in scores:
        test = test.with_answer(score, 1.25)
    assert test.trial is None
    assert [answer.score for answer in test.answers] == scores[2:]
    assert from_csv(test.csv, "answers.csv") == test.answers
    with pytest.raises(UsageError, match="from -3 to 3"):
        viewing.Test("x", test.trials, 28.0, {}).with_answer(4, 1)


def test_collected_answers_hold_no_more_than_the_answers(tmp_path):
    test = viewing.Test("ab12", viewing.plan(SHOWN, 5, 60), 28.0, {})
    for _ in test.trials:
        test = test.with_answer(1, 2.0)
    viewing.collect(test, tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.name == "viewing-ab12.csv"
    lines = path.read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 13


# --- what is seen ---


def test_a_sample_is_seen_with_noise_of_the_energy_asked_for(photos):
    samples = {"Cat": sample_paths()[0]}
    test = viewing.Test("x", (), 30.0, {})
    trial = viewing.Trial("Cat", "original", "flat")
    np.testing.assert_array_equal(
        decode(viewing.side(test, trial, "original", samples)).pixels, photos["chelsea"]
    )
    noisy = decode(viewing.side(test, trial, "flat", samples)).pixels
    assert psnr_8bit(photos["chelsea"], noisy) == pytest.approx(30, abs=0.05)


def test_own_pictures_are_told_apart_by_their_names(photos):
    crop = photos["coffee"][:64, :64]
    files = [("my.face.ours.png", encode_png(crop)), ("my.face.pgd.png", encode_png(255 - crop))]
    own = viewing.own_pictures(files, 10**6, 10**6)
    assert set(own) == {("my.face", "ours"), ("my.face", "pgd")}
    test = viewing.Test("x", (viewing.Trial("my.face", "ours", "pgd"),), 28.0, own)
    seen = viewing.side(test, test.trials[0], "pgd", {})
    np.testing.assert_array_equal(decode(seen).pixels, 255 - crop)


@pytest.mark.parametrize(
    ("name", "pixels", "words"),
    [
        ("face.png", None, "PICTURE.KIND.png"),
        (".ours.png", None, "PICTURE.KIND.png"),
        ("a.pgd.png", np.zeros((8, 9, 3), np.uint8), "is 9×8, others of it are not"),
    ],
)
def test_badly_named_and_unequal_pictures_are_refused(name, pixels, words):
    first = ("a.ours.png", encode_png(np.zeros((8, 8, 3), np.uint8)))
    data = first[1] if pixels is None else encode_png(pixels)
    with pytest.raises(UsageError, match=words):
        viewing.own_pictures([first, (name, data)], 10**6, 10**6)
    with pytest.raises(ImageError):
        viewing.own_pictures([("a.ours.png", b"no picture")], 10**6, 10**6)
    with pytest.raises(UsageError, match="more than 10 bytes as PNG"):
        viewing.own_pictures([first], 10**6, 10)


# --- what answers amount to ---


def answers_of(matrix: dict[str, list[int]]) -> list[Answer]:
    """viewer -> scores of as many pictures, the second kind on the right."""
    return [
        Answer(viewer, f"picture {k}", "a", "b", score)
        for viewer, scores in matrix.items()
        for k, score in enumerate(scores)
    ]


def test_summary_of_known_scores():
    seen = summarise([1, 2, 3, 2])
    assert (seen.n, seen.mean) == (4, 2.0)
    assert seen.std == pytest.approx(math.sqrt(2 / 3))
    assert seen.interval == pytest.approx(1.96 * math.sqrt(2 / 3) / 2)
    alone = summarise([3])
    assert alone.mean == 3
    assert math.isnan(alone.std)


def test_kurtosis_of_known_scores():
    assert kurtosis([-1, 1, -1, 1]) == pytest.approx(1)  # two values, equally often
    assert kurtosis([-1, 0, 0, 0, 0, 1]) == pytest.approx(3)
    draw = np.random.default_rng(0).normal(size=100_000)
    assert kurtosis(draw.tolist()) == pytest.approx(3, abs=0.1)
    assert math.isnan(kurtosis([2, 2, 2]))


def test_sides_are_turned_and_the_sign_goes_with_them():
    answers = [
        Answer("v", "p", "a", "b", 2),  # the right one, b, is better
        Answer("w", "p", "b", "a", -2),  # the left one, b, is better
    ]
    (pair,) = analyse(answers).pairs.items()
    assert pair[0] == ("a", "b")
    assert pair[1].mean == 2
    assert pair[1].std == 0


def test_counts_after_bt500_by_hand():
    """Ten viewers, two presentations: mean 0.3, kurtosis 3.14, standard deviation 1.25."""
    scores = [0, 0, 0, 1, 1, 1, -1, -1, -1, 3]
    assert kurtosis(scores) == pytest.approx(3.1412, abs=1e-3)  # normal: two deviations count
    assert summarise(scores).std == pytest.approx(1.2517, abs=1e-4)  # so from 2.80 and to -2.20
    *others, last = screen(answers_of({f"v{k}": [s, -s] for k, s in enumerate(scores)}))
    assert [(viewer.p, viewer.q) for viewer in others] == [(0, 0)] * 9
    assert (last.answers, last.p, last.q) == (2, 1, 1)
    assert last.rejected


def test_where_a_few_are_far_the_limit_is_wider():
    """Kurtosis 9.1, so √20 deviations count: 3 is 3.02 of them from the mean, and stays."""
    scores = [0] * 10 + [3]
    assert kurtosis(scores) == pytest.approx(9.1, abs=1e-9)
    far = (3 - 3 / 11) / summarise(scores).std
    assert far == pytest.approx(10 / math.sqrt(11))
    assert 2 < far < math.sqrt(20)
    found = screen(answers_of({f"v{k:02}": [s, -s] for k, s in enumerate(scores)}))
    assert all((viewer.p, viewer.q) == (0, 0) for viewer in found)


@pytest.mark.parametrize(
    ("p", "q", "answers", "rejected"),
    [
        (0, 0, 20, False),
        (1, 0, 20, False),  # 5 % are not more than 5 %
        (1, 1, 20, True),  # 10 % outside, evenly on both sides
        (2, 0, 20, False),  # all on one side: severe, not random
        (13, 7, 100, False),  # |13 - 7| / 20 = 0.3 is not below 0.3
        (12, 8, 100, True),
    ],
)
def test_the_rule_of_rejection(p, q, answers, rejected):
    assert Viewer("v", answers, p, q).rejected is rejected


def test_the_rejected_do_not_count_and_few_viewers_are_not_screened():
    matrix = {f"v{k:02}": [2, 2, 1, 2, 1, 2, 2, 1, 2, 2] for k in range(24)}
    matrix["zz"] = [-3, 3] * 5
    whole = analyse(answers_of(matrix))
    assert whole.screened
    assert [viewer.name for viewer in whole.viewers if viewer.rejected] == ["zz"]
    assert whole.pairs["a", "b"].n == 240
    assert whole.pairs["a", "b"].mean == pytest.approx(1.7)
    few = analyse(answers_of({name: matrix[name] for name in ("v00", "zz")}))
    assert not few.screened
    assert few.pairs["a", "b"].n == 20


def test_where_all_agree_nobody_is_far():
    found = screen(answers_of({f"v{k}": [2, 2] for k in range(8)}))
    assert all((viewer.p, viewer.q) == (0, 0) for viewer in found)


# --- files ---


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "has no columns"),
        (b"\xff\xfe\x00", "is no CSV file"),
        (b"a,b\n1,2\n", "has no columns"),
        (b"viewer,trial,picture,left,right,score,seconds\nv,1,p,a,b,4,1\n", "line 2: score '4'"),
        (b"viewer,trial,picture,left,right,score,seconds\nv,1,p,a,b\n", "line 2: score ''"),
        (b"viewer,trial,picture,left,right,score,seconds\n,1,p,a,b,1,1\n", "line 2: a name"),
    ],
)
def test_other_files_are_refused_with_their_line(data, words):
    with pytest.raises(UsageError, match=words):
        from_csv(data, "answers.csv")


def test_answers_survive_their_file():
    answers = [Answer("v", 'a "name", odd', "ours", "pgd", -2), Answer("v", "b", "x", "y", 0)]
    assert from_csv(to_csv(answers, [1.0, 2.0]), "f") == answers
