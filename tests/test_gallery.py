"""A gallery of people: enrolled from a folder, calibrated, deceived both ways."""

from __future__ import annotations

import os
import shutil

import cloaking
import numpy as np
import pytest
from cloaking import run, state_of
from PIL import Image

from engine.commands import cli
from engine.errors import UsageError
from engine.faces.gallery import Gallery, Identity
from engine.images.samples import sample_paths

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak
eye, photo = cloaking.eye, cloaking.photo


def test_a_gallery_of_people_is_deceived_both_ways(cloak, portrait):
    face = cloak.finder.find(portrait)[0]
    own = cloak.finder.describe(portrait, face)
    random = np.random.default_rng(4)
    shift = random.normal(size=(6, 128)).astype(np.float32)
    shift *= 0.45 / np.linalg.norm(shift, axis=1, keepdims=True)
    shift[0] *= 0.2
    people = {f"person {k}": own[None] + shift[k] for k in range(6)}
    gallery = Gallery.enrol(people)
    assert gallery.identify(own[None]).tolist() == [0]
    for goal in (Identity(gallery, 0, False), Identity(gallery, 3, True)):
        (done,) = run(cloak, [state_of(cloak, portrait, face, goal)], "ours")
        assert done.verdict.reached
        assert done.verdict.agree


def test_a_temperature_is_calibrated():
    random = np.random.default_rng(0)
    centres = random.normal(size=(20, 128)).astype(np.float32) * 0.05
    labels = np.arange(20).repeat(5)
    photos = centres[labels] + random.normal(size=(100, 128)).astype(np.float32) * 0.05
    gallery = Gallery(tuple(map(str, range(20))), centres).calibrated(photos, labels)
    p = np.exp(gallery.logits(photos))
    confidence = (p / p.sum(1, keepdims=True)).max(1).mean()
    accuracy = (gallery.identify(photos) == labels).mean()
    assert confidence == pytest.approx(accuracy, abs=0.15)


def test_a_gallerys_photos_without_a_face_are_noted(photo, tmp_path, eye, capsys):
    from engine import cloak_photo

    folder = tmp_path / "gallery"
    folder.mkdir()
    shutil.copy(photo, folder)
    shutil.copy(sample_paths()[2], folder)
    (folder / "broken.png").write_bytes(b"no picture")
    result = cloak_photo(photo, gallery=folder, device="cpu", max_seconds=0)
    assert not result.success
    said = "\n".join(result.notes)
    assert "coffee.png: no face found" in said
    assert "broken.png" in said
    arguments = ["cloak", photo, "--out", str(tmp_path / "out"), "--gallery", str(folder)]
    assert cli.main([*arguments, "--max-seconds", "0"]) == 3
    assert capsys.readouterr().err.count("note: left out of the gallery") == 2
    with pytest.raises(UsageError, match="give one of them"):
        cloak_photo(photo, gallery=folder, target=photo)


def test_every_file_of_a_gallery_is_tried(tmp_path, portrait):
    from types import SimpleNamespace

    from engine.cloak.goals import enrol_folder

    folder = tmp_path / "gallery"
    (folder / "more").mkdir(parents=True)
    photo = Image.fromarray(portrait)
    taken = ("a.JPEG", "b.jfif", "c.jpe", "d", "more/e.HEIC", "f.txt")
    for name in taken:  # what a file is, its content says
        photo.save(folder / name, "JPEG")
    (folder / ".DS_Store").write_bytes(b"no picture")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "gone.png").symlink_to(folder / "nowhere")
    finder = SimpleNamespace(find=lambda _: [0])
    recognisers = SimpleNamespace(describe=lambda *_: {"dlib": np.zeros(128, np.float32)})
    cloak = SimpleNamespace(finder=finder, recognisers=recognisers)
    found, notes = enrol_folder(cloak, folder)
    assert found["dlib"].shape == (len(taken), 128)
    for name, why in (
        (".DS_Store", "not a picture"),
        ("pipe.jpg", "no regular file"),
        ("gone.png", "no such file"),
    ):
        (note,) = (note for note in notes if name in note)
        assert why in note
    assert len(notes) == 3
