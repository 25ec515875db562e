"""A photo is decoded once and searched for faces once, on its way from an upload to a cloak."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio")
pytest.importorskip("torch")
pytest.importorskip("dlib")

from demo.handlers import cloak as handler
from demo.handlers import faces
from demo.server import recent as module
from demo.server import uploads
from demo.server.limits import DEFAULT
from engine.faces.detector import Detector
from engine.faces.finder import load_finder


@pytest.fixture
def upload(photos, tmp_path, monkeypatch):
    """The astronaut as a visitor's file, of other pixels than any other test's."""
    pixels = photos["astronaut"][:300, 50:350].copy()
    pixels[0, 0] = 1, 2, 3
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    monkeypatch.setattr(uploads, "uploads_folder", lambda: tmp_path)  # swept by no other demo
    path = tmp_path / "recent.png"
    path.write_bytes(stream.getvalue())
    return {"path": str(path), "orig_name": "recent.png"}


def test_from_upload_to_gradient_a_photo_is_decoded_and_searched_once(upload, monkeypatch):
    decoded, searched = [], []
    decode, in_whole = uploads.decode, Detector.in_whole

    def counted_decode(data, *rest, **options):
        decoded.append(len(data))
        return decode(data, *rest, **options)

    def counted_search(self, pixels):
        searched.append(pixels.shape)
        return in_whole(self, pixels)

    load_finder()
    monkeypatch.setattr(uploads, "decode", counted_decode)
    monkeypatch.setattr(Detector, "in_whole", counted_search)
    faces.find(uploads.open_upload(upload, DEFAULT))  # the validator of the upload
    faces.find(uploads.open_upload(upload, DEFAULT))  # the boxes on the page
    faces.find(uploads.open_upload(upload, DEFAULT))  # the validator of the button
    steps = handler.cloak(
        uploads.open_upload(upload, DEFAULT),
        method="fgsm",
        robust=False,
        seconds=60,
        jnd="chou1995",
    )
    assert next(steps).steps == 1  # the first gradient
    assert len(decoded) == 1
    assert len(searched) == 1
    steps.close()


def picture(value: int):
    stream = io.BytesIO()
    Image.fromarray(np.full((10, 10, 3), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_what_is_kept_is_bounded_in_bytes_and_time(monkeypatch):
    now, made = [100.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    recent = module.RecentPictures(limit=650, age=60)  # two pictures of 300 bytes

    def look(value: int) -> int:
        def decode():
            made.append(value)
            return uploads.decode(picture(value), "it", max_pixels=100)

        return int(recent.picture(picture(value), 100, decode).pixels[0, 0, 0])

    assert [look(1), look(1), look(2), look(1)] == [1, 1, 2, 1]
    assert made == [1, 2]
    look(3)  # the one that was not used for the longest time goes
    assert [look(1), look(2)] == [1, 2]
    assert made == [1, 2, 3, 2]
    now[0] += 61
    recent.forget()
    assert not recent._pictures
    look(2)
    assert made == [1, 2, 3, 2, 2]
