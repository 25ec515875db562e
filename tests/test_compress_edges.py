"""Compression at its edges: noise, small and large pictures, eyes, few classes, no time."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from onnx_models import classifier, coffee, write  # noqa: F401
from PIL import Image

from engine import compress_photo
from engine.commands import cli
from engine.compress.encoded import Encoded
from engine.compress.formats import FORMATS, Setting, decoded
from engine.compress.jpeg.problem import Problem
from engine.compress.kept import Kept
from engine.compress.methods import rows
from engine.compress.methods import search as searching
from engine.compress.methods.search import descent, run
from engine.compress.photo import panels_for
from engine.compress.trials import Trials
from engine.errors import ImageError, UsageError
from engine.panels.own import open_panel


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_noise_is_written_at_every_quality(format):
    """Pillow's own buffer is too small for optimised JPEGs of noise above 64 kB."""
    noise = np.random.default_rng(0).integers(0, 2, (200, 220, 3)).astype(np.uint8) * 255
    row = FORMATS[format]
    step = 1 if format == "jpeg" else 25
    for subsampling in row.subsamplings:
        for quality in range(60 if format == "jpeg" else 0, row.qualities[1] + 1, step):
            for file in row.encode(noise, Setting(quality, subsampling, (220, 200))):
                assert decoded(file).shape == noise.shape


def test_a_file_does_not_depend_on_the_number_of_cores():
    assert FORMATS["avif"].options[0]["max_threads"] == 1


@pytest.mark.parametrize(("factor", "expected"), [(1, 100), (1.4, 150), (1.5, 150), (9, 400)])
def test_a_larger_file_on_the_way(factor, expected):
    files = [Encoded(bytes(size), "jpeg", {}) for size in (400, 220, 150, 100)]
    assert len(searching.larger(files, factor).data) == expected


def test_larger_is_for_a_search(coffee):  # noqa: F811
    with pytest.raises(UsageError, match="leave --larger out"):
        compress_photo(coffee, larger=1.5)
    with pytest.raises(UsageError, match="1…10"):
        compress_photo(coffee, method="search", larger=0.5)


def test_a_search_is_never_larger_than_bisection(coffee, monkeypatch):  # noqa: F811
    monkeypatch.setattr(searching.search, "__kwdefaults__", {"steps": 3, "max_seconds": None})
    plain = compress_photo(coffee, resize=True, device="cpu", panel="photos")
    result = compress_photo(coffee, method="search", resize=True, device="cpu", panel="photos")
    assert result.bytes_after <= plain.bytes_after
    assert result.pixels.size < coffee.size
    assert result.settings["size"] == list(result.pixels.shape[1::-1])


def test_progress_only_grows(coffee, monkeypatch):  # noqa: F811
    monkeypatch.setattr(searching.search, "__kwdefaults__", {"steps": 3, "max_seconds": None})
    panel, pixels = open_panel("photos", device="cpu"), coffee[:64, :96]
    trials = Trials(Kept(panel, pixels), pixels, FORMATS["jpeg"], panel)
    shares = [step.share for step in run(trials, False)]
    assert shares == sorted(shares)


class Eyes(Kept):
    """A JOD that is less the more the pixels differ."""

    files = 0

    def jod(self, pixels: np.ndarray) -> float:
        return 10 - float(np.abs(self.pixels - pixels.astype(float)).mean())


def test_for_eyes_no_file_is_tried_twice(coffee):  # noqa: F811
    panel, pixels = open_panel("photos", device="cpu"), coffee[:64, :96]
    kept = Eyes(panel, pixels)
    kept.see = 5.0
    looked = []

    class Watched(Problem):
        def look(self, coefficients):
            state = super().look(coefficients)
            looked.append(state.data)
            return state

    table = searching.scaled(searching.flattened(searching.LUMINANCE, 0.8), 85)
    steps = descent(Watched(kept, panel, pixels, table))
    states = [state for _, state in zip(range(12), steps, strict=False)]
    assert all(one != other for one, other in pairwise(looked))
    found = [state for state in states if state is not None]
    assert found
    assert all(kept.jod(state.pixels) >= 5 for state in found)
    assert len(found[-1].data) < len(found[0].data)


@pytest.mark.parametrize("keep", ["top5", "confidence:0.3"])
@pytest.mark.parametrize("method", ["jnd", "search"])
@pytest.mark.filterwarnings("error")
def test_what_must_be_kept_with_every_method(keep, method, coffee, tmp_path, monkeypatch):  # noqa: F811
    """With five classes a label is always among the five most likely: bytes alone decide."""
    pytest.importorskip("onnx2torch")
    monkeypatch.setattr(searching.search, "__kwdefaults__", {"steps": 3, "max_seconds": None})
    path = write(tmp_path / "mine.onnx", classifier())
    small = np.ascontiguousarray(coffee[:48, :64])
    result = compress_photo(small, method=method, keep=keep, panel=str(path), device="cpu")
    assert result.verified
    assert "keep their label" in result.summary or "five most likely" in result.summary
    assert "of the probability" in result.summary or keep == "top5" or result.unchanged


def test_without_time_nothing_is_said_not_to_exist(coffee):  # noqa: F811
    result = compress_photo(coffee, max_seconds=0, device="cpu")
    assert any("no smaller file was found" in note for note in result.notes) == result.unchanged
    assert any("ended after 0 s" in note for note in result.notes)


def test_small_pictures_are_searched_by_the_panel_that_can(tmp_path, capsys, monkeypatch):
    assert panels_for("auto", method="search") == ("photos",)
    assert panels_for("auto")[0] == "cifar10"
    monkeypatch.setattr(searching.search, "__kwdefaults__", {"steps": 3, "max_seconds": None})
    icon = tmp_path / "icon.png"
    ramp = np.linspace(0, 255, 32).astype(np.uint8)
    Image.fromarray(np.broadcast_to(ramp[:, None, None], (32, 32, 3))).save(icon)
    command = ["compress", str(icon), "--method", "search", "--out", str(tmp_path), "--json"]
    assert cli.main(command) == 0
    assert json.loads(capsys.readouterr().out)["panel"] == "photos"


@pytest.mark.parametrize("method", ["jnd", "search"])
def test_a_picture_that_is_too_large_to_code_in_python(method, coffee, monkeypatch):  # noqa: F811
    row = rows.METHODS[method]
    monkeypatch.setitem(rows.METHODS, method, type(row)(**{**vars(row), "most": 1000}))
    words = "choose --resize" if row.resizes else "scale it down first"
    with pytest.raises(ImageError, match=f"takes 1,000 pixels at most.*{words}"):
        compress_photo(coffee, method=method, device="cpu")
