"""Faces of any size, turn and number are found, and the right one is taken."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.errors import UsageError
from engine.faces.detector import Detection, merged, smallest, tiles
from engine.faces.finder import FaceError, FaceFinder, choose, load_finder, searched
from engine.faces.turns import box_after, box_before, points_before, turned
from engine.faces.verification import verify


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return load_finder()


def group(head: np.ndarray, background: np.ndarray, size: tuple, sides: tuple) -> tuple:
    """A photo of this (width, height) with a face of each side, and their boxes."""
    face = load_finder().find(head)[0]
    photo = Image.fromarray(background).resize(size)
    boxes = []
    for number, side in enumerate(sides):
        scale = side / face.side
        row, column = divmod(number, 4)
        x, y = round((column + 0.1) * size[0] / 4), round((row + 0.1) * size[1] / 2)
        width = round(len(head) * scale)
        shown = Image.fromarray(head).resize((width, width), Image.Resampling.LANCZOS)
        photo.paste(shown, (x, y))
        boxes.append(
            tuple(at + value * scale for at, value in zip((x, y) * 2, face.box, strict=True))
        )
    return np.asarray(photo), boxes


# --- small faces in large photos ---


def test_all_faces_of_a_group_are_found_once(finder, head, photos):
    sides = (42, 46, 55, 70, 100, 180, 200)
    photo, boxes = group(head, photos["coffee"], (2600, 1950), sides)
    found = finder.find(photo)
    sure = [face for face in found if face.sure]
    assert len(sure) == len(sides)
    for box in boxes:
        assert sum(face.overlap(box) > 0.5 for face in sure) == 1
    assert [face.side for face in sure] == sorted((face.side for face in sure), reverse=True)
    small = sure[-1]
    again, there = finder.find_again(photo, small.box)
    assert there  # after a cloak only its neighbourhood is gone over, to the same end
    assert again.box == small.box


def test_the_smallest_face_that_is_looked_for_is_known():
    assert smallest(256, 256) == 40
    assert smallest(1000, 1000) == 40
    assert smallest(4000, 3000) == 40
    assert smallest(5712, 4284) == 56
    assert smallest(8900, 8900) == 101
    assert searched([], (4000, 3000)) == ()
    (note,) = searched([], (5712, 4284))
    assert "56 pixels or more" in note


@pytest.mark.parametrize(
    "size", [(1000, 401), (1461, 1095), (4000, 3000), (20000, 600), (600, 9000)]
)
def test_tiles_cover_the_photo_and_share_whole_faces(size):
    width, height = size
    places = tiles(width, height)
    assert all(0 <= a < c <= width and 0 <= b < d <= height for a, b, c, d in places)
    side = 80 * max(1.0, (width * height / 1_600_000) ** 0.5)  # the largest that only tiles show
    for x in np.linspace(0, width - side, 23):
        for y in np.linspace(0, height - side, 23):
            assert any(
                a <= x and b <= y and x + side <= c and y + side <= d for a, b, c, d in places
            )
    enlarged = sum((c - a) * (d - b) for a, b, c, d in places) * (80 / smallest(*size)) ** 2
    assert enlarged < 120_000_000


def test_a_face_in_two_tiles_is_one():
    first = [Detection((0, 0, 100, 100), 0.1)]
    twin, elsewhere = Detection((4, 3, 98, 101), 1.2), Detection((300, 0, 350, 50), 0.9)
    nose = Detection((320, 20, 340, 40), 0.2)
    assert merged(first, [nose, twin, elsewhere]) == [Detection((0, 0, 100, 100), 1.2), elsewhere]


# --- which face counts ---


@pytest.mark.parametrize("scale", [0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2])
def test_the_best_face_is_the_astronauts_at_every_scale(scale, finder, astronaut):
    side = round(512 * scale)
    pixels = np.asarray(astronaut.resize((side, side), Image.Resampling.LANCZOS))
    found = finder.find(pixels)
    (sure,) = [face for face in found if face.sure]
    assert found[0] is sure
    assert sure.overlap(tuple(scale * value for value in (175, 76, 266, 167))) > 0.5
    assert choose(found, None, (side, side), "astronaut.png") == [sure]
    assert choose(found, "all", (side, side), "astronaut.png") == [sure]


def test_a_large_uncertain_box_is_not_compared(head, monkeypatch):
    finder = load_finder()
    right = finder.find(head)[0]
    wrong = finder.at(head, (20, 100, 250, 256), confidence=0.12)
    monkeypatch.setattr(
        finder._detector,
        "find",
        lambda pixels, near=None: [Detection(face.box, face.confidence) for face in (wrong, right)],
    )
    brighter = np.minimum(head, 250) + np.uint8(1)
    assert finder.find(brighter)[0].box == right.box
    found = verify(head, np.minimum(head, 249) + np.uint8(2))
    assert found.same
    assert found.faces == (1, 1)


# --- photos on their side ---


def test_turns_and_back():
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    points = np.array([(0, 0), (2, 1), (3, 4)])
    for turn in range(4):
        other = turned(pixels, turn)
        before = points_before(points, turn, 7, 5)
        np.testing.assert_array_equal(
            other[points[:, 1], points[:, 0]], pixels[before[:, 1], before[:, 0]]
        )
        left, top, right, bottom = box_before((1, 2, 3, 5), turn, 7, 5)
        assert set(pixels[top:bottom, left:right].flat) == set(other[2:5, 1:3].flat)
        assert box_after((left, top, right, bottom), turn, 7, 5) == (1, 2, 3, 5)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_face_on_its_side_is_found_and_is_the_same(turn, finder, head):
    (upright,) = finder.find(head)
    photo = np.ascontiguousarray(np.rot90(head, turn))
    (face,) = finder.find(photo)
    assert face.turn == -turn % 4
    assert face.overlap(box_after(upright.box, turn, 256, 256)) > 0.99
    own = finder.describe(photo, face) - finder.describe(head, upright)
    assert np.linalg.norm(own) < 0.1
    again, there = finder.find_again(photo, face.box, face.turn)
    assert there
    np.testing.assert_array_equal(again.landmarks, face.landmarks)
    missed, there = finder.find_again(np.zeros_like(photo), face.box, face.turn)
    assert not there
    assert missed.turn == face.turn
    assert verify(head, photo).same
    assert any("lies on its side or head" in note for note in verify(head, photo).notes)


def test_no_face_either_way_is_one_line(finder, photos):
    with pytest.raises(FaceError, match=r"no face found, upright or turned: .* 40 pixels or more"):
        verify(photos["astronaut"], photos["coffee"])


# --- which face is asked for ---


@pytest.mark.parametrize("number", [1, "1"])
def test_a_faces_number_may_be_a_number(number, finder, head):
    faces = finder.find(head)
    assert choose(faces, number, (256, 256), "head.png") == faces


@pytest.mark.parametrize("number", [0, -1, 1.0, True, "0", "left", "²", "", [1]])
def test_what_is_no_number_is_refused(number, finder, head):
    with pytest.raises(UsageError, match="a number from 1, or all"):
        choose(finder.find(head), number, (256, 256), "head.png")
