"""The demo with some visitors at once, for some seconds: each gets its own answers, and no other's.

The measurement is `python -m training evaluate load`; this is the same in small.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engine.images.samples import sample_paths
from training.evaluate.load import run
from training.evaluate.load.own import EXPECTED, Answer, nearest, others
from training.evaluate.load.run import Log, measure, own_photos, summary

CLIENTS = 5


@pytest.fixture(scope="module")
def own() -> list[np.ndarray]:
    images = [np.asarray(Image.open(path).convert("RGB")) for path in sample_paths()]
    return own_photos(images, CLIENTS * len(run.WORK))


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_photos_of_all_visitors_differ(own):
    assert len({pixels.tobytes() for pixels in own}) == len(own)
    many = own_photos(own[:2], 20)
    assert len({pixels.tobytes() for pixels in many}) == len(many)
    assert {pixels.shape for pixels in many} == {(*run.SIZE, 3)}


def test_an_answer_of_another_visitor_is_noticed(own):
    data = png(EXPECTED["human_jnd"](own[2]))
    assert others([Answer("human_jnd", 2, 1.0, data)], own) == []
    (swapped,) = others([Answer("human_jnd", 3, 1.0, data)], own)
    assert (swapped["photo"], swapped["shows"]) == (3, 2)
    (cut,) = others([Answer("human_jnd", 2, 1.0, png(own[2][:99]))], own)
    assert cut["shows"] is None
    happened = Log(
        [Answer("human_jnd", 2, 1.0, data), Answer("human_jnd", 1, 3.0, data)],
        [True, False],
        ["gone"],
    )
    happened.answers.append(Answer("machine_jnd", 0, 9.0, "error: None"))
    found = summary(happened, own)
    assert (found["answers"], found["own"], found["failed"]) == (2, 1, {"error: None": 1})
    assert [each["shows"] for each in found["not_own"]] == [2]
    assert (found["refused"], found["refused_politely"]) == (2, 1)
    assert found["latency_s"]["all"] == {"n": 2, "p50": 2.0, "p95": 2.9}
    assert found["latency_s"]["machine_jnd"] == {"n": 0}
    assert found["problems"] == {"gone": 1}


def test_an_answer_in_which_hardly_anything_is_left_to_see_is_recognised(own):
    """White noise of 10 dB of one photo that is nearly another: as `machine_jnd` gives it."""
    random = np.random.default_rng(0)
    almost = np.clip(own[2] + random.normal(0, 4, own[2].shape), 0, 255).astype(np.uint8)
    answer = EXPECTED["machine_jnd"](almost)
    assert np.square(answer / 1.0 - almost).mean() > 1000
    assert nearest(answer, [own[2], almost])["shows"] == 1
    assert others([Answer("machine_jnd", 1, 1.0, png(answer))], [own[2], almost]) == []
    assert len(others([Answer("machine_jnd", 0, 1.0, png(answer))], [own[2], almost])) == 1


def test_some_visitors_at_once_on_a_real_server(own, monkeypatch):
    pytest.importorskip("gradio")
    pytest.importorskip("dlib")
    monkeypatch.setattr(run, "PAUSE", 0.5)
    monkeypatch.setattr(run, "DEMO", ("--queue", "2"))
    found = measure(own, CLIENTS, 8.0, 0.0)
    assert found["answers"] >= CLIENTS
    assert found["own"] == found["answers"]
    assert found["failed"] == {}
    assert found["problems"] == {}
    assert found["refused"] > 0
    assert found["refused_politely"] == found["refused"]
    assert found["freed_s"] < 20
    assert found["memory_mb"]["settled"] < 1.5 * found["memory_mb"]["before"]
    assert found["files"]["under_load"] > 0
    assert found["files"]["after_the_server"] == 0
