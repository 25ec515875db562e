"""The recogniser's port against dlib's own numbers, the alignment against dlib's own chips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import UsageError
from engine.faces.chip import PADDING, PLACES, SIDE, locate_chip, similarity
from engine.models.locate import EMBEDDED
from engine.models.registry import MODELS, RECOGNISER
from engine.networks.recogniser import load_recogniser
from training.records.record import RESULTS, read_json
from training.train.recogniser import reference_picture

REFERENCE = json.loads((Path(__file__).parent / "data" / "dlib_reference.json").read_text())
# Half precision moves the reference embedding by 7e-4; two photos of one person are up to 0.6
# apart, and one photo's own JPEG at quality 75 is 0.09 away.
HALF = 1e-3


@pytest.fixture(scope="module")
def recogniser():
    return load_recogniser()


@pytest.fixture(scope="module")
def finder():
    from engine.faces.finder import load_finder

    return load_finder()


def test_the_port_gives_the_reference_embedding(recogniser):
    found = recogniser.describe(reference_picture()[None])[0]
    assert np.linalg.norm(found - np.array(REFERENCE["embedding"])) < HALF


def test_the_recorded_precision_is_that_of_the_file_that_ships(recogniser):
    row = MODELS[RECOGNISER]
    entry = json.loads((EMBEDDED / row.provenance).read_text())["files"][row.file]
    off = recogniser.describe(reference_picture()[None])[0] - np.array(REFERENCE["embedding"])
    recorded = entry["from_reference_embedding"]
    assert recorded["half"]["distance"] == pytest.approx(np.linalg.norm(off), abs=1e-5)
    assert recorded["half"]["largest"] == pytest.approx(np.abs(off).max(), abs=1e-5)
    assert read_json(RESULTS / "recogniser_lfw.json")["precision"] == recorded


def test_a_similarity_is_found_again():
    angle, scale = 0.3, 1.7
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = similarity(PLACES, PLACES @ turn.T + (3, 5))
    np.testing.assert_allclose(matrix, np.column_stack([turn, (3, 5)]), atol=1e-12)


def test_a_chip_of_its_own_size_is_the_photo_itself():
    landmarks = (PADDING + PLACES) / (2 * PADDING + 1) * SIDE + (40, 30)
    chip = locate_chip(landmarks, 300, 300)
    assert chip.levels == 0
    assert chip.side == pytest.approx(SIDE - 1)
    corner = chip.matrix @ (0, 0, 1) + chip.box[:2]
    np.testing.assert_allclose(
        corner, (40.5, 30.5), atol=1e-9
    )  # dlib's centre lies half a pixel off


def test_a_gradient_reaches_the_photo_through_a_pyramid():
    from engine.attack.alignment import extract

    landmarks = (PADDING + PLACES) / (2 * PADDING + 1) * 700 + (40, 30)
    chip = locate_chip(landmarks, 800, 800)
    assert chip.levels == 2
    x = torch.rand(1, 3, 800, 800, requires_grad=True)
    extract(x, [chip]).sum().backward()
    touched = (x.grad.abs().sum(1)[0] > 0).float()
    assert touched[100:700, 100:700].mean() > 0.95
    assert touched[:20].sum() == 0
    part = x.detach()[:, :, 10:, 8:]
    moved = extract(part, [chip.within(8, 10)])
    torch.testing.assert_close(moved, extract(x.detach(), [chip]))


@pytest.mark.parametrize("size", [256, 512, 1500])
def test_chips_and_descriptors_are_dlibs(size, photos, finder, recogniser):
    from engine.attack.alignment import extract

    photo = Image.fromarray(photos["astronaut"]).resize((size, size), Image.Resampling.LANCZOS)
    pixels = np.array(photo.rotate(7))
    face = finder.find(pixels)[0]
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    ours = (extract(x, [face.chip])[0].permute(1, 2, 0).numpy() * 255).round()
    theirs = finder.chip(pixels, face)
    assert np.abs(ours - theirs).max() <= 1
    assert (ours != theirs).mean() < 0.02
    port = recogniser.describe(ours.astype(np.uint8)[None])[0]
    assert np.linalg.norm(port - finder.describe(pixels, face)) < 0.003


def test_faces_are_chosen_or_refused_in_one_line(finder, photos):
    from engine.faces.finder import FaceError, choose

    faces = finder.find(photos["astronaut"])
    size = (512, 512)
    with pytest.raises(FaceError, match="no face found"):
        choose(finder.find(photos["coffee"]), None, size, "coffee.png")
    with pytest.raises(FaceError, match=r"2 faces .*choose one with --face"):
        choose([faces[0], faces[0]], None, size, "two.png")
    with pytest.raises(FaceError, match="none is number 9"):
        choose(faces, "9", size, "astronaut.png")
    with pytest.raises(UsageError, match="number from 1, or all"):
        choose(faces, "left", size, "astronaut.png")
    with pytest.raises(FaceError, match="cut off"):
        choose(faces[:1], None, (faces[0].box[0] + 40, 512), "astronaut.png")
    assert choose(faces, "1", size, "astronaut.png") == faces[:1]
