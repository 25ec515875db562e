"""`python -m engine watermark embed|read`, for eyes and machines: reports, files, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx_models import (
    brightness,
    classifier,
    coffee,  # noqa: F401  a fixture
    write,
)
from PIL import Image

import engine
from engine.commands import cli
from engine.images.picture import Picture, encode_png
from engine.panels.own import open_panel
from engine.watermark import photo as photo_module
from engine.watermark.labels import Labels


@pytest.fixture
def photo(tmp_path, coffee) -> str:  # noqa: F811
    path = tmp_path / "photo.png"
    path.write_bytes(encode_png(coffee))
    return str(path)


def embed(*arguments: str) -> int:
    quick = ("--jnd", "wu2017", "--device", "cpu")
    return cli.main(["watermark", "embed", *quick, *arguments])


def read(*arguments: str) -> int:
    return cli.main(["watermark", "read", *arguments])


def test_what_is_embedded_is_read(photo, tmp_path, capsys):
    out = tmp_path / "out"
    assert embed(photo, "--text", "© me", "--key", "k", "--out", str(out), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    marked = report["files"]["watermarked"]
    assert marked == str(out / "photo.watermarked.png")
    assert report["text"] == "© me"
    assert report["bits"] == 40
    assert report["verified"] is True
    assert report["labels"] == []
    assert report["survived"]["jpeg75"] is True
    assert not Image.open(marked).info.get("exif")
    assert read(marked, "--key", "k", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["text"] == "© me"
    assert found["found"] is True
    assert found["false_alarm"] < 1e-6
    assert read(marked, photo, "--key", "k") == 3
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{marked}: text © me"
    assert "no watermark of this key" in second
    assert read(marked) == 3
    assert read(marked, str(tmp_path / "none.png"), "--key", "k") == 1


def test_a_batch_goes_on_after_a_bad_picture(photo, tmp_path, capsys):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    out = str(tmp_path / "out")
    assert embed(str(bad), photo, "--hex", "00ff12", "--format", "jpeg", "--out", out) == 1
    captured = capsys.readouterr()
    assert "survives PNG" in captured.out
    assert "1 of 2 pictures refused" in captured.err
    assert read(str(Path(out) / "photo.watermarked.jpg")) == 0
    assert capsys.readouterr().out.endswith(": hex 00ff12\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --text TEXT or --hex DIGITS"),
        (("--text", "a", "--hex", "00"), "one of them"),
        (("--text", "x" * 33), "give 1 to 32 bytes"),
        (("--hex", "123"), "an even number of digits"),
        (("--hex", "00" * 33), "give 1 to 32 bytes"),
        (("--text", "a", "--key", ""), "key ''"),
        (("--text", "a", "--observer", "machine", "--panel", "none.onnx"), "none.onnx"),
    ],
)
def test_wrong_usage_is_one_line(options, words, photo, tmp_path, capsys):
    assert embed(photo, *options, "--out", str(tmp_path / "out")) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert not (tmp_path / "out").exists()


def test_a_small_picture_is_refused(tmp_path, capsys):
    path = tmp_path / "small.png"
    path.write_bytes(encode_png(np.zeros((64, 300, 3), np.uint8)))
    assert embed(str(path), "--text", "a", "--out", str(tmp_path / "out")) == 1
    assert f"error: {path}: the picture is 300×64" in capsys.readouterr().err


# --- for machines ---


def test_the_labels_of_the_panel_are_kept(photos):
    picture = photos["coffee"]
    result = engine.embed_watermark(picture, b"12345678", key="k", observer="machine", device="cpu")
    assert result.survived["jpeg10"]
    assert result.kept is True
    assert len(result.labels) == 3
    panel = open_panel("photos", device="cpu")
    before, after = (panel.labels_of(each[None]) for each in (picture, result.pixels))
    np.testing.assert_array_equal(before, after)
    assert "all 3 classifiers keep their label" in result.summary


def test_a_model_of_your_own_keeps_its_label(photo, tmp_path, capsys):
    model = write(tmp_path / "model.onnx", classifier())
    options = ("--observer", "machine", "--panel", model, "--text", "me")
    assert embed(photo, *options, "--out", str(tmp_path), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["labels_kept"] is True
    assert [label["classifier"] for label in report["labels"]] == ["model.onnx"]


def test_labels_come_before_strength(photo, tmp_path, monkeypatch, capsys):
    """A classifier that notices the least change of brightness: what is left is refused or kept."""
    pixels = np.asarray(Image.open(photo))
    model = write(tmp_path / "bright.onnx", brightness(float(pixels.mean()) / 255))
    monkeypatch.setattr(photo_module, "machine_threshold", lambda p, _: np.ones(p.pixels.shape[:2]))
    options = ("--observer", "machine", "--panel", model, "--text", "me", "--json")
    code = embed(photo, *options, "--out", str(tmp_path))
    captured = capsys.readouterr()
    if code == 0:
        assert json.loads(captured.out)["labels_kept"] is True
    else:
        assert "too long for this picture" in captured.err


def test_gradients_mend_a_picture_that_lost_a_label(photos):
    panel = open_panel("photos", device="cpu")
    picture = Picture(photos["astronaut"])
    labels = Labels(panel, picture.pixels)
    random = np.random.default_rng(0)
    for deviation in (12, 20, 30, 45):
        noise = random.normal(0, deviation, picture.pixels.shape)
        lost = np.clip(picture.pixels + noise, 0, 255).astype(np.uint8)
        if not labels.kept(lost):
            break
    assert not labels.kept(lost)
    mended = labels.mended(lost)
    assert labels.kept(mended)
    assert np.abs(mended.astype(float) - lost).mean() < 4
