"""A large face is changed in the halved photo, in bands that the eye sees least."""

from __future__ import annotations

import cloaking
import numpy as np
import pytest
import torch
from cloaking import finish

from engine.cloak.broad.canvas import BAYER, Canvas, bayer, on_levels
from engine.cloak.broad.eye import Eye, larger, sensitivity, smaller
from engine.cloak.broad.face import FINE, Broad, is_broad
from engine.cloak.broad.sights import Direct
from engine.cloak.judge.survival import WEBP_SIDE
from engine.cloak.judge.versions import ROBUST, version
from engine.cloak.photo import cloak_steps
from engine.cloak.state import is_grey
from engine.cloak.whole import LARGE, part_of
from engine.faces.finder import SAME
from engine.images.parts import grown, region
from engine.images.picture import decode, resize

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


@pytest.fixture(scope="module")
def large(portrait):
    """The portrait at four times its size: more than a megapixel, a face that dlib halves."""
    return np.ascontiguousarray(resize(portrait, 4 * portrait.shape[1], 4 * portrait.shape[0]))


@pytest.fixture(scope="module")
def face(cloak, large):
    return cloak.finder.find(large)[0]


def canvas_of(photo, face):
    height, width = photo.shape[:2]
    left, top, *corner = grown(region([face.chip.box], width, height, 1), 40, width, height)
    step = 2**face.chip.levels
    left, top = left + (face.chip.box[0] - left) % step, top + (face.chip.box[1] - top) % step
    return Canvas.of(photo, (left, top, *corner), face.chip.levels)


def test_the_canvas_shows_what_dlib_cuts_out_of_the_changed_photo(cloak, large, face):
    canvas = canvas_of(large, face)
    torch.manual_seed(0)
    change = 0.1 * torch.nn.functional.avg_pool2d(
        torch.randn(1, 3, *canvas.halved.shape[2:]), 3, 1, 1
    )
    seen = 255 * canvas.shown(change, [canvas.sight(face.chip)])[0].permute(1, 2, 0).numpy()
    changed = canvas.pasted(large, change)
    real = cloak.finder.chip(changed, face).astype(float) - cloak.finder.chip(large, face)
    inside = (cloak.finder.chip(large, face) > 40) & (cloak.finder.chip(large, face) < 215)
    assert np.abs(seen)[inside].mean() > 3
    assert np.corrcoef(seen[inside], real[inside])[0, 1] > 0.98
    assert abs((seen - real)[inside].mean()) < 0.5


def test_a_photo_too_long_for_webp_is_worked_on_in_part(face):
    """WebP has no side above 16,383 pixels, and is among what a robust cloak is held to."""
    left, top, right, bottom = part_of(face, np.zeros((40, 20_000, 3), np.uint8))
    assert max(right - left, bottom - top) <= WEBP_SIDE
    assert part_of(face, np.zeros((900, 900, 3), np.uint8)) == (0, 0, 900, 900)


def test_a_smaller_picture_made_larger_lies_where_it_was():
    x = torch.zeros(1, 1, 33, 47)
    x[:, :, 16, 20] = 1
    back = larger(smaller(x), (33, 47))
    assert divmod(int(back.argmax()), 47) == (16, 20)
    assert back.sum() == pytest.approx(1.0, abs=1e-5)


def test_the_eye_sees_some_cycles_per_degree_best():
    assert sensitivity(4) > sensitivity(0.5)
    assert sensitivity(4) > sensitivity(15) > sensitivity(30)


def test_bands_are_counted_in_thresholds_and_end_before_the_border(large, face):
    canvas = canvas_of(large, face)
    eye = Eye(canvas.halved, canvas.halvings)
    nothing = eye.none()
    assert not eye.change(nothing).any()
    torch.manual_seed(0)
    noise = [torch.randn_like(each) for each in nothing]
    change = eye.change(noise)
    border = torch.cat([change[:, :, 0].flatten(), change[:, :, :, -1].flatten()])
    assert border.abs().max() < 0.05 * change.abs().max()
    grey = Eye(canvas.halved, canvas.halvings, grey=True).change(noise)[0]
    torch.testing.assert_close(grey[0], grey[1], atol=1e-6, rtol=0)
    darker = Eye(0.5 * canvas.halved, canvas.halvings)
    assert darker.thresholds[0].mean() < eye.thresholds[0].mean()  # Weber


def test_a_change_below_one_level_is_kept_in_the_mean():
    pattern = bayer()
    assert sorted((pattern * BAYER**2).round().flatten()) == sorted(np.rint(np.arange(64) + 0.5))
    flat = np.full((64, 64, 3), 100, np.uint8)
    moved = on_levels(flat, np.full(flat.shape, 0.25))
    assert set(np.unique(moved)) == {100, 101}
    assert moved.mean() == pytest.approx(100.25, abs=0.01)
    assert (on_levels(flat, np.zeros(flat.shape)) == flat).all()


@pytest.mark.parametrize("grey", [False, True])
def test_a_large_face_is_cloaked_below_what_is_seen(cloak, large, grey):
    from engine.metrics.quality import psnr_8bit

    if grey:
        large = np.repeat(large.mean(2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    assert large.shape[0] * large.shape[1] > LARGE
    result = finish(cloak_steps(cloak, large, robust=False))
    (face,) = result.faces
    assert result.success
    assert face.after > SAME
    assert is_grey(result.pixels) == grey
    np.testing.assert_array_equal(decode(result.png).pixels, result.pixels)
    again = cloak.finder.find(result.pixels)[0]
    clean = cloak.finder.find(large)[0]
    assert is_broad(cloak_state(cloak, large, clean))
    moved = cloak.finder.describe(result.pixels, again) - cloak.finder.describe(large, clean)
    assert np.linalg.norm(moved) > SAME
    assert face.psnr_db < psnr_8bit(large, result.pixels)  # the face is all that changed
    assert face.psnr_db > 36


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("name", ["webp75", "half", "45%+jpeg75"])
def test_a_sight_of_no_change_is_what_dlib_cuts_out_of_the_version(cloak, large, face, name, times):
    """Through a codec's arithmetic, or, where the version is halved thrice or no codec's, without.

    What a codec does to a change averages out there, and the verdict is on the real one.
    """
    left, top, right, bottom = grown(face.chip.box, 32, *large.shape[1::-1])
    part = large[top:bottom, left:right]
    photo = resize(part, times * part.shape[1], times * part.shape[0])
    box = tuple(times * v for v in np.subtract(face.box, (left, top, left, top)))
    clean = cloak.finder.at(photo, box)
    state = cloak_state(cloak, photo, clean)
    state.begin([("png", clean.chip)])
    broad = Broad(cloak, state, ROBUST)
    changed = np.ascontiguousarray(version(name, photo))
    scale = changed.shape[1] / photo.shape[1]
    again = cloak.finder.at(changed, tuple(scale * value for value in clean.box))
    sight = broad.sight(name, again.chip)
    assert isinstance(sight, Direct) == (name == "half" or again.chip.levels >= FINE)
    seen = sight(broad.canvas, torch.zeros_like(broad.canvas.halved))[0]
    real = cloak.finder.chip(changed, again)
    assert np.abs(seen.permute(1, 2, 0).numpy() * 255 - real).mean() < 2  # levels


def cloak_state(cloak, pixels, face):
    from engine.cloak.goals import goal_of
    from engine.cloak.state import FaceState

    goal = goal_of(cloak, pixels, face, None, None)
    return FaceState(pixels, face, goal, cloak.threshold(pixels))
