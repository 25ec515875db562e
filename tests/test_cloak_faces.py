"""Which faces of a photo are cloaked: one, all, those left out, one on its side."""

from __future__ import annotations

from dataclasses import replace

import cloaking
import numpy as np
import pytest
import torch
from cloaking import finish

from engine.cloak import photo
from engine.cloak.photo import cloak_steps
from engine.faces.finder import SAME

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


@pytest.fixture(scope="module")
def pair(portrait) -> np.ndarray:
    """uint8 256×512×3: two faces, side by side."""
    return np.concatenate([portrait, portrait[:, ::-1]], 1)


def test_the_second_face_alone(cloak, pair):
    result = finish(cloak_steps(cloak, pair, robust=False, face="2"))
    (face,) = result.faces
    assert face.number == 2
    assert face.success
    changed = (result.pixels != pair).any((0, 2)).nonzero()[0]
    half = slice(0, 256) if face.box[0] < 256 else slice(256, 512)
    assert half.start <= changed.min() <= changed.max() < half.stop


def test_a_face_that_another_one_undid_is_cloaked_once_more(cloak, pair, monkeypatch):
    judged = []
    true_final = photo.final

    def first_time_undone(*given):
        verdict = true_final(*given)
        judged.append(verdict.reached)
        return replace(verdict, reached=False) if len(judged) == 1 else verdict

    monkeypatch.setattr(photo, "final", first_time_undone)
    result = finish(cloak_steps(cloak, pair, robust=False, face="all"))
    assert result.success
    assert judged  # the first face, once more after the second one was changed
    first, second = result.faces
    assert {first.number, second.number} == {1, 2}
    assert first.attempts >= 2
    for face in cloak.finder.find(result.pixels):
        clean = min(cloak.finder.find(pair), key=lambda each: abs(each.box[0] - face.box[0]))
        moved = cloak.finder.describe(result.pixels, face) - cloak.finder.describe(pair, clean)
        assert np.linalg.norm(moved) > SAME


def test_faces_that_all_leaves_out_are_noted(portrait):
    from engine.cloak.photo import left_out
    from engine.faces.finder import load_finder

    (face,) = load_finder().find(portrait)
    tiny = replace(face, box=(200, 10, 230, 40))
    assert left_out([face, tiny], [face], None) == []
    assert left_out([face, tiny], [face, tiny], "all") == []
    (note,) = left_out([face, tiny], [face], "all")
    assert note.startswith("face 2 of 30 pixels at (200, 10) is NOT cloaked")
    assert "cut off or below 40 pixels" in note
    (note,) = left_out([face, replace(tiny, confidence=0.1)], [face], "all")
    assert "uncertain" in note
    assert "--face 2" in note


def test_a_photo_on_its_side_is_cloaked_as_it_lies(cloak, portrait):
    lying = np.ascontiguousarray(np.rot90(portrait))
    result = finish(cloak_steps(cloak, lying, robust=False, method="bim"))
    assert result.success
    assert result.pixels.shape == lying.shape
    assert any("on its side" in note for note in result.notes)
    (found,) = cloak.finder.find(result.pixels)
    (clean,) = cloak.finder.find(portrait)
    upright = np.ascontiguousarray(np.rot90(result.pixels, -1))
    (turned,) = cloak.finder.find(upright)
    for pixels, face in ((result.pixels, found), (upright, turned)):
        moved = cloak.finder.describe(pixels, face) - cloak.finder.describe(portrait, clean)
        assert np.linalg.norm(moved) > 0.5


def test_a_search_has_one_thread_and_gives_the_others_back(cloak, portrait, monkeypatch):
    """With two the same photo gives one of several files; other searches keep theirs."""
    counts = []
    run = cloak.run

    def watched(*arguments, **options):
        for step in run(*arguments, **options):
            counts.append(torch.get_num_threads())
            yield step

    monkeypatch.setattr(cloak, "run", watched)
    torch.set_num_threads(2)
    finish(cloak_steps(cloak, portrait, robust=False, method="bim"))
    assert set(counts) == {1}
    assert torch.get_num_threads() == 2
