"""A photo in, a cloaked file out: the verdict is on the file, a failure writes nothing."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from engine.attack.methods.ours import FAR, NEAR, ours
from engine.cloak import face as cloak_module
from engine.cloak.face import Cloak
from engine.cloak.photo import beyond_share, cloak_steps
from engine.cloak.result import CloakedPhoto
from engine.cloak.state import FaceState, is_grey
from engine.cloak.threshold import NEARBY, ThresholdMap
from engine.cloak.verdict import ROBUST, judge, look, version
from engine.commands import cli
from engine.errors import UsageError
from engine.faces.finder import SAME
from engine.faces.gallery import Gallery, Identity, Matching
from engine.images.parts import equally_large, region
from engine.images.picture import decode, encode_png
from engine.images.samples import sample_paths
from engine.metrics.quality import beyond, psnr_8bit


def simple_eye(pixels: np.ndarray) -> np.ndarray:
    """A stand-in for a human JND, uint8 H×W×3 -> float32 H×W×3 in levels: more where dark."""
    grey = pixels.astype(np.float32).mean(2, keepdims=True)
    return np.repeat(3 + 14 * np.clip(1 - grey / 127, 0, 1), 3, axis=2)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """uint8 256×256×3: the astronaut's head, the one face in it about 90 pixels."""
    with Image.open(sample_paths()[3]) as image:
        return np.array(image.convert("RGB"))[:256, 96:352]


@pytest.fixture(scope="module")
def cloak() -> Cloak:
    return Cloak(simple_eye)


@pytest.fixture
def eye(monkeypatch):
    monkeypatch.setattr("engine.cloak.threshold.threshold_model", lambda *choices: simple_eye)


@pytest.fixture
def photo(tmp_path, portrait) -> str:
    path = tmp_path / "portrait.jpg"
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.fromarray(portrait).save(path, quality=95, exif=exif)
    return str(path)


def run(cloak, states: list[FaceState], method, **options) -> list[FaceState]:
    for _ in cloak.run(states, method, **options):
        pass
    return states


def state_of(cloak, pixels, face, goal) -> FaceState:
    return FaceState(pixels, face, goal, cloak.threshold(pixels))


def finish(steps) -> CloakedPhoto:
    *_, result = steps
    return result


def test_a_cloak_holds_in_the_file(cloak, portrait):
    result = finish(cloak_steps(cloak, portrait))
    (face,) = result.faces
    assert result.success
    assert face.before == pytest.approx(0, abs=1e-6)
    assert face.after > SAME
    assert result.psnr_db > 36
    assert result.pixels.shape == portrait.shape
    np.testing.assert_array_equal(decode(result.png).pixels, result.pixels)
    again = cloak.finder.find(result.pixels)[0]
    moved = cloak.finder.describe(result.pixels, again) - cloak.finder.describe(
        portrait, cloak.finder.find(portrait)[0]
    )
    assert np.linalg.norm(moved) > SAME  # by dlib alone, from detection to descriptor
    changed = (result.pixels != portrait).any(2)
    left, top, right, bottom = face.box
    margin = (right - left) // 2
    changed[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = False
    assert not changed.any()  # nothing but the face


def test_a_black_and_white_photo_stays_so(cloak, portrait):
    grey = np.repeat(portrait.mean(2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    result = finish(cloak_steps(cloak, grey))
    assert result.success
    assert is_grey(result.pixels)


def test_the_margin_is_spent_by_the_verdict(cloak, portrait):
    (found,) = cloak.finder.find(portrait)
    goal = Matching(cloak.describe(portrait, found)[None])
    results = {}
    for shaved in (False, True):

        def row(targeted, shaved=shaved):
            near = replace(ours(targeted), far=None)
            return near if shaved else replace(near, shave=None)

        (results[shaved],) = run(cloak, [state_of(cloak, portrait, found, goal)], row)
    plain, small = results[False], results[True]
    assert plain.verdict.reached
    assert small.verdict.reached
    assert SAME < small.verdict.distance < plain.verdict.distance
    assert small.gradients > plain.gradients
    assert psnr_8bit(portrait, small.pixels) > psnr_8bit(portrait, plain.pixels)
    np.testing.assert_array_equal(decode(small.png).pixels, small.pixels)
    assert judge(cloak.finder, cloak.recogniser, small.png, found, goal).reached


def test_from_itself_it_is_a_longer_way(cloak, portrait):
    (face,) = cloak.finder.find(portrait)
    own = cloak.describe(portrait, face)
    other = own + np.float32(0.3) * np.eye(128, dtype=np.float32)[0]
    counts = {}
    for name, goal in (("itself", Matching(own[None])), ("another", Matching(other[None]))):
        steps = list(cloak.run([state_of(cloak, portrait, face, goal)], "ours"))
        counts[name] = sum(step.attempt == 1 for step in steps)
    assert counts["itself"] > counts["another"] + FAR[0] - NEAR[0] - 5
    itself = state_of(cloak, portrait, face, Matching(own[None]))
    steps = list(cloak.run([itself], "ours", robust=True))
    assert sum(step.attempt == 1 for step in steps) < FAR[0]


def test_a_lasting_cloak_survives_real_codecs(cloak, portrait):
    result = finish(cloak_steps(cloak, portrait, robust=True))
    (face,) = result.faces
    assert set(face.distances) == set(ROBUST)
    assert face.success
    assert min(face.distances.values()) > SAME


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


def test_several_photos_advance_together(cloak, portrait):
    flipped = np.ascontiguousarray(portrait[:, ::-1])
    states = []
    for pixels in (portrait, flipped):
        face = cloak.finder.find(pixels)[0]
        goal = Matching(cloak.finder.describe(pixels, face)[None])
        states.append(state_of(cloak, pixels, face, goal))
    done = run(cloak, states, "ours")
    assert [each.verdict.reached for each in done] == [True, True]


def test_black_and_white_and_colour_go_together_in_a_batch(cloak, portrait):
    grey = np.repeat(portrait.mean(2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    states = []
    for pixels in (grey, portrait):
        face = cloak.finder.find(pixels)[0]
        goal = Matching(cloak.finder.describe(pixels, face)[None])
        states.append(state_of(cloak, pixels, face, goal))
    done = run(cloak, states, "bim")
    assert [is_grey(each.pixels) for each in done] == [True, False]
    assert all(each.attempts for each in done)


def test_the_eye_looks_once_and_not_when_it_is_late(portrait):
    looked = []

    def counted(pixels):
        looked.append(pixels.shape)
        return simple_eye(pixels)

    cloak = Cloak(counted)
    assert not finish(cloak_steps(cloak, portrait, max_seconds=0)).success
    assert looked == []
    assert finish(cloak_steps(cloak, portrait)).success
    assert looked == [portrait.shape]


def test_of_a_huge_photo_the_eye_looks_around_the_part_only():
    looked = []

    def counted(pixels):
        looked.append(pixels.shape)
        return pixels.astype(np.float32)

    pixels = np.random.default_rng(1).integers(0, 255, (1200, 1500, 3), np.uint8)
    threshold = ThresholdMap(counted, pixels)
    np.testing.assert_array_equal(threshold.part((600, 500, 800, 700)), pixels[500:700, 600:800])
    threshold.part((610, 500, 700, 640))
    threshold.part((590, 490, 790, 690))  # a later attempt's part
    assert looked == [(200 + 2 * NEARBY, 200 + 2 * NEARBY, 3)]
    after = pixels.copy()
    after[500:600, 600:700] ^= 128
    small = beyond_share(pixels, after, threshold)
    assert small == pytest.approx(beyond(pixels, after, pixels.astype(np.float32)))
    assert beyond_share(pixels, pixels, threshold) == 0


def test_an_attempt_learns_the_alignments_in_which_it_failed(cloak, portrait):
    face = cloak.finder.find(portrait)[0]
    goal = Matching(cloak.finder.describe(portrait, face)[None])
    state = state_of(cloak, portrait, face, goal)
    state.begin([("png", face.chip)])
    looks = look(cloak.finder, cloak.recogniser, encode_png(portrait), face, ROBUST)
    state.learn(looks, resumed=False, first=True)
    assert [name for name, _ in state.views] == list(ROBUST)  # png's alignment was known
    elsewhere = replace(face.chip, box=(0, 0, 9, 9))
    moved = replace(looks[0], face=replace(face, chip=elsewhere))
    held = [replace(each, port=goal.enrolled[0] + 1) for each in looks[1:]]
    state.learn([moved, *held], resumed=True, first=True)
    assert [name for name, _ in state.views] == list(ROBUST)
    assert state.views[0] == ("png", elsewhere)  # in place of the one before
    state.learn([moved, *held], resumed=True, first=False)
    assert [name for name, _ in state.views] == ["png", *ROBUST]  # both, nothing from what held


def test_the_verdict_is_on_what_is_read_again(cloak, portrait):
    face = cloak.finder.find(portrait)[0]
    goal = Matching(cloak.finder.describe(portrait, face)[None])
    verdict = judge(cloak.finder, cloak.recogniser, encode_png(portrait), face, goal, ROBUST)
    assert not verdict.reached
    assert verdict.agree
    assert verdict.distances["png"] == pytest.approx(0, abs=1e-6)
    assert max(verdict.distances.values()) < 0.4
    for name, size in zip(ROBUST, (256, 256, 128, 128), strict=True):
        assert version(name, portrait).shape == (size, size, 3)
    blank = encode_png(np.full_like(portrait, 128))
    unseen = judge(cloak.finder, cloak.recogniser, blank, face, goal)
    assert not unseen.looks[0].detected  # not being found is no protection: the place is described


def test_parts_of_photos_are_equally_large_and_on_the_grid():
    box = region([(40, 50, 150, 160)], 250, 250, 32)
    assert box == (32, 32, 160, 192)
    boxes = [(32, 32, 224, 192), (96, 0, 250, 160)]
    assert equally_large(boxes, 250, 250, 32) == [(0, 0, 250, 250)] * 2
    grown = equally_large([(10, 10, 100, 100), (200, 180, 250, 250)], 250, 250, 1)
    assert grown == [(10, 10, 100, 100), (160, 160, 250, 250)]


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


# --- the command line ---


def test_the_command_writes_a_png_without_metadata(photo, tmp_path, capsys, eye):
    out = tmp_path / "out"
    arguments = ["cloak", photo, "--out", str(out), "--json", "--device", "cpu"]
    assert cli.main(arguments) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["success"] is True
    assert report["faces"][0]["distance_after"] > SAME > report["faces"][0]["distance_before"]
    with Image.open(report["file"]) as image:
        assert image.format == "PNG"
        assert image.size == (256, 256)
        assert image.info == {}
    assert [path.name for path in out.iterdir()] == ["portrait.cloaked.png"]
    assert "\r" not in captured.err  # no progress where stderr is no terminal
    assert cli.main(["verify", photo, report["file"]]) == 0
    assert "different people" in capsys.readouterr().out
    assert cli.main(["verify", photo, photo, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True


def test_a_target_need_not_hide_who_it_is(photo, tmp_path, capsys, eye):
    arguments = ["cloak", photo, "--out", str(tmp_path), "--target", photo, "--device", "cpu"]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "taken for the target" in said
    assert "STILL RECOGNISABLE" in said
    assert "no longer matched" not in said
    assert cli.main([*arguments, "--json"]) == 0
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["targeted"] is True
    assert face["distance_to_original"] < SAME


def test_the_distance_to_oneself_is_told_apart_from_that_to_a_target(cloak, portrait):
    own = cloak.describe(portrait, cloak.finder.find(portrait)[0])
    other = (own + np.float32(0.5) * np.eye(128, dtype=np.float32)[0])[None]
    (face,) = finish(cloak_steps(cloak, portrait, target=other)).faces
    assert face.success
    assert face.targeted
    assert face.recognisable
    assert face.own < SAME
    (dodged,) = finish(cloak_steps(cloak, portrait)).faces
    assert not dodged.recognisable
    assert dodged.own == pytest.approx(dodged.after, abs=1e-6)


def test_a_face_is_moved_to_a_target(cloak, portrait):
    own = cloak.describe(portrait, cloak.finder.find(portrait)[0])
    other = (own + np.float32(0.8) * np.eye(128, dtype=np.float32)[0])[None]
    (face,) = finish(cloak_steps(cloak, portrait, target=other)).faces
    assert face.before > SAME > face.after
    assert face.success


@pytest.fixture(scope="module")
def pair(portrait) -> np.ndarray:
    """uint8 256×512×3: two faces, side by side."""
    return np.concatenate([portrait, portrait[:, ::-1]], 1)


def test_the_second_face_alone(cloak, pair):
    result = finish(cloak_steps(cloak, pair, face="2"))
    (face,) = result.faces
    assert face.number == 2
    assert face.success
    changed = (result.pixels != pair).any((0, 2)).nonzero()[0]
    half = slice(0, 256) if face.box[0] < 256 else slice(256, 512)
    assert half.start <= changed.min() <= changed.max() < half.stop


def test_a_face_that_another_one_undid_is_cloaked_once_more(cloak, pair, monkeypatch):
    judged = []
    true_judge = cloak.judge

    def first_time_undone(png, face, goal, versions):
        verdict = true_judge(png, face, goal, versions)
        judged.append(verdict.reached)
        return replace(verdict, reached=False) if len(judged) == 1 else verdict

    monkeypatch.setattr(cloak, "judge", first_time_undone)
    result = finish(cloak_steps(cloak, pair, face="all"))
    assert result.success
    assert judged  # the first face, once more after the second one was changed
    first, second = result.faces
    assert {first.number, second.number} == {1, 2}
    assert first.attempts >= 2
    for face in cloak.finder.find(result.pixels):
        clean = min(cloak.finder.find(pair), key=lambda each: abs(each.box[0] - face.box[0]))
        moved = cloak.finder.describe(result.pixels, face) - cloak.finder.describe(pair, clean)
        assert np.linalg.norm(moved) > SAME


def test_of_a_large_photo_only_the_face_is_changed(cloak, portrait):
    canvas = np.full((1100, 1300, 3), 128, np.uint8)
    canvas[400:656, 700:956] = portrait
    result = finish(cloak_steps(cloak, canvas))
    assert result.success
    rows, columns = (result.pixels != canvas).any(2).nonzero()
    assert 400 <= rows.min() <= rows.max() < 656
    assert 700 <= columns.min() <= columns.max() < 956


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
    result = finish(cloak_steps(cloak, lying, method="bim"))
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


def test_too_small_a_budget_is_exit_code_3_and_no_file(photo, tmp_path, capsys, eye):
    out = tmp_path / "out"
    arguments = ["cloak", photo, "--out", str(out), "--max-seconds", "0", "--json"]
    assert cli.main(arguments) == 3
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["success"] is False
    assert report["file"] is None
    assert report["faces"][0]["distance_after"] < SAME
    assert "no file written" in captured.err
    assert not out.exists()


def test_a_failed_search_says_how_far_it_got(photo, tmp_path, capsys, eye, monkeypatch):
    monkeypatch.setattr(
        cloak_module,
        "method_row",
        lambda name, targeted: replace(ours(targeted), steps=1, far=None),
    )
    coffee = str(sample_paths()[2])
    out = tmp_path / "out"
    out.mkdir()
    (out / "portrait.cloaked.png").write_bytes(b"earlier")
    assert cli.main(["cloak", photo, coffee, "--out", str(out), "--json"]) == 3
    captured = capsys.readouterr()
    failed, refused = map(json.loads, captured.out.splitlines())
    assert failed["success"] is False
    assert failed["file"] is None
    assert failed["psnr_db"] > 30
    (face,) = failed["faces"]
    assert 0.05 < face["distance_after"] < SAME
    assert "is of an earlier run" in failed["notes"][0]
    assert "no face found" in refused["error"]
    assert "take another photo" in captured.err  # there was time enough
    assert (out / "portrait.cloaked.png").read_bytes() == b"earlier"


def test_a_robust_cloak_by_the_command_line(photo, tmp_path, capsys, eye):
    assert cli.main(["cloak", photo, "--out", str(tmp_path), "--robust"]) == 0
    said = capsys.readouterr().out
    assert "no longer matched" in said
    assert "half+jpeg80 0.6" in said


def test_an_interrupt_while_writing_leaves_nothing(photo, tmp_path, monkeypatch, eye):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    out = tmp_path / "out"
    arguments = ["cloak", photo, "--out", str(out), "--method", "bim", "--device", "cpu"]
    assert cli.main(arguments) == 130
    assert not [path for path in out.rglob("*") if path.is_file()]


def test_an_interrupt_leaves_nothing(photo, tmp_path, monkeypatch, eye):
    def interrupted(self, *arguments, **choices):
        raise KeyboardInterrupt

    monkeypatch.setattr(cloak_module.Search, "look", interrupted)
    out = tmp_path / "out"
    assert cli.main(["cloak", photo, "--out", str(out)]) == 130
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["{coffee}"], "no face found", 1),
        (["{photo}", "--target", "{coffee}"], "no face found", 1),
        (["{photo}", "--face", "7"], "none is number 7", 1),
        (["{photo}", "--method", "magic"], "choose from fgsm", 2),
        (["{photo}", "--face", "left"], "a number from 1, or all", 2),
        (["{photo}", "--gallery", "{photo}"], "is no folder", 1),
        (["{photo}", "--gallery", "{photo}", "--target", "{photo}"], "give one of them", 2),
        (["{tiny}"], "cut off or below 40 pixels", 1),
    ],
)
def test_bad_input_is_one_line(arguments, words, code, photo, portrait, tmp_path, capsys, eye):
    tiny = tmp_path / "tiny.png"
    Image.fromarray(portrait).resize((96, 96), Image.Resampling.LANCZOS).save(tiny)
    names = {"coffee": str(sample_paths()[2]), "photo": photo, "tiny": str(tiny)}
    arguments = [argument.format(**names) for argument in arguments]
    assert cli.main(["cloak", *arguments, "--out", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


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
    finder = SimpleNamespace(find=lambda _: [0], describe=lambda *_: np.zeros(128, np.float32))
    found, notes = enrol_folder(SimpleNamespace(finder=finder), folder)
    assert len(found) == len(taken)
    for name, why in (
        (".DS_Store", "not a picture"),
        ("pipe.jpg", "no regular file"),
        ("gone.png", "no such file"),
    ):
        (note,) = (note for note in notes if name in note)
        assert why in note
    assert len(notes) == 3


def test_a_folder_of_exported_weights_will_do(photo, tmp_path, monkeypatch, capsys):
    asked = []

    def looked(*choices):
        asked.append(choices)
        return simple_eye

    monkeypatch.setattr("engine.cloak.threshold.threshold_model", looked)
    folder = tmp_path / "export"  # as `python -m export` writes it: no recogniser
    folder.mkdir()
    arguments = ["cloak", photo, "--out", str(tmp_path / "out"), "--weights", str(folder)]
    assert cli.main(arguments) == 2  # the default eye is a learned one
    assert "holds no hvs-sd.onnx" in capsys.readouterr().err
    quick = ["--jnd", "wu2017", "--max-seconds", "0", "--device", "cpu"]
    assert cli.main([*arguments, *quick]) == 3
    assert "recogniser 69f42712, embedded" in capsys.readouterr().err
    assert asked == [("wu2017", str(folder), "cpu")]  # the eye has the same weights
    arguments[-1] = str(tmp_path / "nowhere")
    assert cli.main(arguments) == 2
    assert "nowhere" in capsys.readouterr().err


def test_verify_without_a_face_is_one_line(photo, capsys):
    assert cli.main(["verify", photo, str(sample_paths()[2])]) == 1
    assert "no face found" in capsys.readouterr().err
