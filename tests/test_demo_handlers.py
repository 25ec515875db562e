"""What the demo does, without a page: its handlers as plain functions and generators."""

from __future__ import annotations

import io
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from demo.examples import cloak as example
from demo.handlers import cloak, faces, human, machine
from demo.server.limits import DEFAULT
from demo.ui import face_boxes
from engine import machine_jnd
from engine.errors import EngineError, ImageError, UsageError
from engine.faces.finder import SAME, FaceError
from engine.human import thresholds
from engine.human.injection import inject
from engine.images.picture import Picture, decode
from engine.metrics.quality import compare as quality_of
from engine.metrics.quality import psnr_8bit
from engine.models import available
from engine.panels.predicted import LabelChange

EYE = available.human_models()[0]


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def portrait(photos) -> Picture:
    """The astronaut's head, 256×256: one face."""
    return Picture(np.ascontiguousarray(photos["astronaut"][:256, 96:352]))


def test_handlers_know_no_gradio():
    names = ["answer_files", "cloak", "compress", "faces", "human", "machine"]
    names += ["viewer_statistics", "viewing"]
    lines = [f"import demo.handlers.{name}" for name in names]
    lines.append("import sys; assert not {'gradio', 'torch'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=120)


# --- machine ---


def test_the_machine_view_is_the_engines_result(photos):
    picture = Picture(photos["chelsea"])
    view = machine.measure(picture, 1.0, panel="cifar10")
    result = machine_jnd(photos["chelsea"], panel="cifar10")
    assert view.distorted == result.png
    np.testing.assert_array_equal(decode(view.original).pixels, result.original)
    np.testing.assert_array_equal(decode(view.jnd).pixels, result.jnd_map)
    assert view.numbers["rca"] == 1
    assert view.numbers["members"] == ["alexnet", "vgg", "resnet", "densenet"]
    assert view.numbers["noise_psnr_db"] == pytest.approx(result.psnr_db, abs=0.1)
    for row, label in zip(view.numbers["labels"], view.noise.labels, strict=True):
        assert row["noise"] == label.after
    assert "image" not in view.numbers
    assert "files" not in view.numbers
    assert machine.measure(picture, 1.0).distorted == machine_jnd(photos["chelsea"]).png
    assert len(machine.measure(picture, 1.0, max_pixels=20_000).class_names) == 1000
    small = machine.measure(picture, 1.0, max_pixels=20_000).result
    assert small.original.shape[0] * small.original.shape[1] <= 20_000
    assert machine.measure(picture, 1.0, members=("vgg",)).result.panel == "cifar10"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([("cat", 0.9), ("cat", 0.8)], False),
        ([("cat", 0.9), ("dog", 0.8)], True),  # they disagree
        ([("cat", 0.4), ("cat", 0.1)], True),  # they guess
        ([("cat", 0.4), ("cat", 0.3)], False),
    ],
)
def test_a_panel_that_disagrees_or_guesses_is_unsure(labels, expected):
    changes = [LabelChange("a", label, "mouse", share, 0.9) for label, share in labels]
    assert machine.unsure(changes) is expected


@pytest.mark.parametrize(
    ("strength", "generator", "members", "words"),
    [
        (3.0, "conditioned", None, "outside 0.2…1.8"),
        (0.5, "merged", None, "has only one"),
        (1.0, "magic", None, "choose from conditioned"),
        (1.0, "conditioned", (), "choose one or more of efficientnet-lite0"),
    ],
)
def test_the_machine_refuses_what_makes_no_sense(photos, strength, generator, members, words):
    with pytest.raises(UsageError, match=words):
        machine.measure(Picture(photos["coffee"]), strength, generator, members)


def test_a_sample_is_measured_once():
    from engine.images.samples import sample_paths

    first, second = (
        machine.of_sample(sample_paths()[0], 1.0, "conditioned", None, "cifar10") for _ in "ab"
    )
    assert first is second


# --- human ---


def test_the_human_view_comes_after_words(photos):
    crop = Picture(np.ascontiguousarray(photos["coffee"][100:228, 100:228]))
    *said, view = human.measure(crop, "wu2017", 1.5, max_pixels=10**6)
    assert len(said) == 3
    assert all(isinstance(each, str) for each in said)
    noisy = inject(crop.pixels, thresholds(crop.pixels, "wu2017"), 1.5, 0)
    np.testing.assert_array_equal(decode(view.noisy).pixels, noisy)
    assert view.numbers["psnr_db"] == pytest.approx(psnr_8bit(crop.pixels, noisy), abs=1e-5)
    assert view.numbers["jod"] is None  # not asked for
    assert view.numbers["model"] == "wu2017"


def test_a_large_picture_is_shrunk_for_the_human_jnd(photos):
    *_, view = human.measure(Picture(photos["rocket"]), "yang2005", 1.0, max_pixels=20_000)
    width, height = view.result.size
    assert width * height <= 20_000
    assert decode(view.noisy).size == (width, height)
    assert any("shrunk from 640×427" in note for note in view.result.notes)


def test_a_psnr_can_be_asked_for(photos):
    crop = Picture(np.ascontiguousarray(photos["coffee"][100:164, 100:164]))
    *_, view = human.measure(crop, "wu2017", 0, psnr_db=30, max_pixels=10**6)
    assert view.numbers["psnr_db"] == pytest.approx(30, abs=0.05)


@pytest.mark.parametrize(
    ("model", "level", "psnr_db"), [("magic", 1, None), ("wu2017", 9, None), ("wu2017", 1, 99)]
)
def test_the_human_jnd_refuses_what_makes_no_sense(portrait, model, level, psnr_db):
    with pytest.raises(UsageError):
        list(human.measure(portrait, model, level, psnr_db=psnr_db, max_pixels=10**6))


# --- faces and cloaks ---


def test_faces_are_found_and_numbered(photos, portrait):
    found = faces.find(Picture(photos["astronaut"]))
    assert [face.number for face in found] == list(range(1, len(found) + 1))
    left, top, right, bottom = found[0].box
    assert 160 < left < right < 290
    assert 60 < top < bottom < 180
    assert found[0].usable
    with pytest.raises(FaceError, match="No face found"):
        faces.find(Picture(photos["coffee"]))
    assert faces.compare(portrait, Picture(photos["astronaut"])).same


def test_where_a_face_is_sure_only_sure_ones_get_a_box(photos):
    picture = Picture(photos["astronaut"])
    found = faces.find(picture)
    assert [face.sure for face in found] == [True, False]  # the second is a badge
    assert len(face_boxes.overlay(picture, found, 100_000)["boxes"]) == 1
    assert face_boxes.choices(found).value == 1
    assert face_boxes.count(found) == "One face"
    doubtful = found[1:]
    assert len(face_boxes.overlay(picture, doubtful, 100_000)["boxes"]) == 1
    assert face_boxes.count(doubtful) == "Perhaps a face"


def test_a_cloak_yields_steps_and_then_the_file_that_was_judged(portrait):
    *steps, view = cloak.cloak(portrait, method="bim", seconds=60, jnd=EYE)
    assert steps
    assert [step.steps for step in steps] == list(range(1, len(steps) + 1))
    assert view.success
    changed = decode(view.png)
    assert not faces.compare(portrait, changed).same
    assert view.faces[0].after > SAME
    assert cloak.numbers(view, "bim")["method"] == "bim"
    shown = decode(cloak.difference(view)).pixels.astype(int)
    moved = changed.pixels.astype(int) - portrait.pixels
    np.testing.assert_array_equal(shown, np.clip(128 + cloak.GAIN * moved, 0, 255))


def test_a_cloak_is_left_within_a_step(portrait):
    steps = cloak.cloak(portrait, method="ours", seconds=60, jnd=EYE)
    next(steps)
    started = time.monotonic()
    next(steps)
    one = time.monotonic() - started
    started = time.monotonic()
    steps.close()
    assert time.monotonic() - started < max(0.5, 3 * one)
    with pytest.raises(StopIteration):
        next(steps)


def test_too_few_seconds_are_no_success_and_say_so(portrait):
    *_, view = cloak.cloak(portrait, method="ours", seconds=1e-6, jnd=EYE)
    assert not view.success
    assert view.faces[0].success is False


def test_a_target_must_show_a_face(photos, portrait):
    with pytest.raises(FaceError):
        list(
            cloak.cloak(
                portrait, method="bim", target=Picture(photos["coffee"]), seconds=5, jnd=EYE
            )
        )


def test_methods_are_compared_one_after_the_other(portrait):
    done = []
    for step in cloak.compare(portrait, ["fgsm", "bim"], seconds=60, jnd=EYE):
        if isinstance(step, cloak.Rated):
            done.append(step)
        else:
            method, at = step
            assert method == ("fgsm", "bim")[len(done)]
            assert isinstance(at, cloak.CloakProgress)
    assert [each.method for each in done] == ["fgsm", "bim"]
    assert all(each.cloak.success for each in done)
    one, other = (each.quality for each in done)
    assert other.psnr_db > one.psnr_db  # ten small steps change less than one large one


@pytest.mark.parametrize("method", cloak.FIRST)
def test_the_examples_that_come_with_the_demo_are_what_they_say(photos, method):
    """Measured anew on its file: who changes the cloak or the recogniser has to make it anew."""
    rated = example.load(method)
    result, face = rated.cloak, rated.cloak.faces[0]
    original, pixels = Picture(photos["astronaut"]), decode(result.file).pixels
    np.testing.assert_array_equal(result.original, original.pixels)
    np.testing.assert_array_equal(result.pixels, pixels)
    assert psnr_8bit(original.pixels, pixels) == pytest.approx(result.psnr_db, abs=1e-3)
    distance = faces.compare(original, Picture(pixels)).distance
    assert distance == pytest.approx(face.distances["png"], abs=1e-3)
    quality = quality_of(original.pixels, pixels, perceptual=False)
    assert rated.quality.ssim == pytest.approx(quality.ssim, abs=1e-6)
    if result.success:
        assert face.survives["jpeg75"].reached
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=75)
        assert not faces.compare(original, decode(stream.getvalue())).same
    shared = decode(cloak.to_share(result)).pixels
    assert shared.shape[1] > 3 * (face.box[2] - face.box[0])


def test_the_first_example_is_a_success():
    assert example.load().cloak.success


def test_the_page_offers_every_method_of_the_engine_but_its_ablations():
    from engine.attack.methods import ABLATED, METHODS

    assert set(cloak.NAMES) == set(METHODS) - set(ABLATED)
    assert set(cloak.FIRST) <= set(cloak.NAMES)
    assert len(cloak.FIRST) <= DEFAULT.methods


@pytest.mark.parametrize(
    ("method", "seconds"), [("magic", 5), ("ours", 0), ("ours", 1e9), ("ours", float("nan"))]
)
def test_a_method_and_a_time_are_checked(method, seconds):
    with pytest.raises(UsageError, match=r"choose from|give more than 0"):
        cloak.check(method, seconds, 120)


def test_every_refusal_of_a_handler_is_an_engine_error():
    assert issubclass(FaceError, ImageError)
    assert issubclass(UsageError, EngineError)
