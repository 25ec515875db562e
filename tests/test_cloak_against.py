"""A cloak against several recognisers: all of them are fooled in the file, and it is reported."""

from __future__ import annotations

import json

import cloaking
import numpy as np
import pytest
from PIL import Image

from engine import cloak_photo, verify
from engine.cloak.face import Cloak
from engine.cloak.goals import describe_best, enrol_folder
from engine.cloak.judge.verdict import judge
from engine.cloak.photo import cloak_steps
from engine.commands import cli
from engine.errors import UsageError
from engine.faces.gallery import EveryGoal, Matching
from engine.faces.recognisers import RECOGNISERS
from engine.images.picture import encode_png

one_thread, portrait = cloaking.one_thread, cloaking.portrait
photo, eye = cloaking.photo, cloaking.eye
BOTH = tuple(RECOGNISERS)


@pytest.fixture(scope="module")
def cloak() -> Cloak:
    return Cloak(cloaking.simple_eye, against=BOTH)


@pytest.fixture(scope="module")
def cloaked(cloak, portrait):
    return cloaking.finish(cloak_steps(cloak, portrait, robust=False))


def test_both_recognisers_are_fooled_by_the_file(cloaked, portrait, tmp_path):
    (face,) = cloaked.faces
    assert face.success
    assert list(face.recognisers) == list(BOTH)
    for name, each in face.recognisers.items():
        assert each.threshold == RECOGNISERS[name].threshold
        assert each.before < each.threshold <= each.after
    assert (face.before, face.after) == (
        face.recognisers["dlib"].before,
        face.recognisers["dlib"].after,
    )
    path = tmp_path / "cloaked.png"
    path.write_bytes(cloaked.file)
    matches = verify(portrait, str(path)).recognisers
    assert not any(match.same for match in matches.values())
    for name, match in matches.items():
        assert match.distance == pytest.approx(face.recognisers[name].after, abs=1e-4)


def test_a_cloak_against_one_leaves_the_other(portrait, cloaked):
    """So that the test above is one of both: against dlib alone faceres matches it."""
    alone = Cloak(cloaking.simple_eye)
    result = cloaking.finish(cloak_steps(alone, portrait, robust=False))
    assert result.success
    assert list(result.faces[0].recognisers) == ["dlib"]
    assert verify(portrait, result.pixels).recognisers["faceres"].same
    assert result.psnr_db > cloaked.psnr_db  # what a second recogniser costs


def test_the_first_that_is_named_gives_the_distances(portrait):
    only = Cloak(cloaking.simple_eye, against=("faceres",))
    (face,) = cloaking.finish(cloak_steps(only, portrait, robust=False)).faces
    assert face.success
    assert face.threshold == RECOGNISERS["faceres"].threshold
    assert list(face.recognisers) == ["faceres"]


def test_a_verdict_needs_every_recogniser(cloak, portrait):
    face = cloak.finder.find(portrait)[0]
    own = cloak.recognisers.describe(portrait, face)
    far = {name: np.zeros_like(numbers)[None] + 9 for name, numbers in own.items()}
    file = encode_png(portrait)

    def reached(enrolled: dict) -> bool:
        goals = {
            name: Matching(each, threshold=RECOGNISERS[name].threshold)
            for name, each in enrolled.items()
        }
        return judge(cloak.recognisers, file, face, EveryGoal(goals)).reached

    assert reached(far)
    for name in BOTH:
        assert not reached(far | {name: own[name][None]})


def test_targets_and_galleries_are_of_each_recogniser(cloak, portrait, tmp_path):
    sizes = {name: row.size for name, row in RECOGNISERS.items()}
    target = describe_best(cloak, portrait)
    assert {name: each.shape for name, each in target.items()} == {
        name: (1, size) for name, size in sizes.items()
    }
    for name in ("a.png", "b.png"):
        Image.fromarray(portrait).save(tmp_path / name)
    gallery, notes = enrol_folder(cloak, tmp_path)
    assert not notes
    assert {name: each.shape for name, each in gallery.items()} == {
        name: (2, size) for name, size in sizes.items()
    }


@pytest.mark.usefixtures("eye")
def test_on_the_command_line(photo, tmp_path, capsys):
    quick = ["--exact", "--max-seconds", "0", "--out", str(tmp_path / "out")]
    assert cli.main(["cloak", photo, *quick, "--against", "all", "--json"]) == 3
    streams = capsys.readouterr()
    (face,) = json.loads(streams.out)["faces"]
    assert set(face["recognisers"]) == set(BOTH)
    assert set(face["recognisers"]["dlib"]) == {"distance_before", "distance_after", "threshold"}
    assert "recognisers dlib 69f42712, faceres 529e88d1, embedded" in streams.err
    assert cli.main(["cloak", photo, *quick, "--against", "faceres"]) == 3
    assert "faceres" in capsys.readouterr().err
    assert cli.main(["cloak", photo, *quick, "--against", "clearview"]) == 2
    assert "no recogniser 'clearview'" in capsys.readouterr().err


def test_who_is_no_recogniser_is_refused(portrait):
    with pytest.raises(UsageError, match="no recogniser 'nobody'"):
        cloak_photo(portrait, against="dlib,nobody")
    with pytest.raises(UsageError, match="no recogniser ''"):
        cloak_photo(portrait, against=("",))
