"""`python -m engine compress`: one report per picture, files whole or not at all, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_models import (
    classifier,
    coffee,  # noqa: F401  a fixture
    write,
)
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.commands import cli
from engine.images.picture import decode, encode_png

ROOT = Path(__file__).parents[1]


@pytest.fixture
def model(tmp_path) -> str:
    return write(tmp_path / "model.onnx", classifier())


@pytest.fixture
def photo(tmp_path, coffee) -> str:  # noqa: F811
    path = tmp_path / "photo.png"
    path.write_bytes(encode_png(coffee))
    return str(path)


def run(*arguments: str) -> int:
    return cli.main(["compress", "--device", "cpu", *arguments])


def test_a_batch_reports_each_picture_and_goes_on(photo, model, tmp_path, capsys):
    out = tmp_path / "out"
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    assert run(photo, str(bad), photo, "--panel", model, "--out", str(out), "--json") == 1
    captured = capsys.readouterr()
    first, second, third = (json.loads(line) for line in captured.out.splitlines())
    assert second["image"] == str(bad)
    assert "error" in second
    assert "1 of 3 pictures refused" in captured.err
    data = Path(first["files"]["compressed"]).read_bytes()
    assert first["bytes_after"] == len(data) < first["bytes_before"] == Path(photo).stat().st_size
    assert first["verified"] is True
    assert first["method"] == "bisect"
    assert first["settings"]["size"] == first["size"] == [300, 200]
    assert first["bytes_after"] <= first["bytes_plain"]
    assert first["jod"] is None
    assert third["files"]["compressed"] == str(out / "photo-2.compressed.jpg")
    assert sorted(path.name for path in out.iterdir()) == [
        "photo-2.compressed.jpg",
        "photo.compressed.jpg",
    ]


def test_the_longest_search_is_said(photo, model, tmp_path, capsys):
    assert run(photo, "--panel", model, "--max-seconds", "0", "--out", str(tmp_path / "o")) == 0
    assert "ended after 0 s" in capsys.readouterr().out
    assert (tmp_path / "o" / "photo.compressed.png").read_bytes() == Path(photo).read_bytes()


def test_the_readable_report(photo, model, tmp_path, capsys):
    assert run(photo, "--panel", model, "--format", "webp", "--out", str(tmp_path)) == 0
    text = capsys.readouterr().out
    for words in (
        photo,
        "bytes",
        "webp quality",
        "verified",
        "classifier",
        "photo.compressed.webp",
    ):
        assert words in text
    assert decode((tmp_path / "photo.compressed.webp").read_bytes()).size == (300, 200)


def test_the_original_byte_for_byte(model, tmp_path, capsys):
    """A picture of a few bytes: no AVIF is as small."""
    path, text = tmp_path / "tiny.png", PngInfo()
    text.add_text("Comment", "mine")
    Image.new("RGB", (16, 16), (90, 20, 30)).save(path, pnginfo=text)
    out = tmp_path / "o"
    arguments = [str(path), "--panel", model, "--format", "avif", "--out", str(out)]
    assert run(*arguments, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["unchanged"] is True
    assert report["format"] == "png"
    assert report["bytes_before"] == report["bytes_after"] < report["bytes_plain"]
    assert (out / "tiny.compressed.png").read_bytes() == path.read_bytes()
    assert run(*arguments) == 0
    assert "returned as it is" in capsys.readouterr().out


def test_standard_input(photo, model, tmp_path):
    result = subprocess.run(
        [
            *(sys.executable, "-m", "engine", "compress", "-", "--panel", model, "--json"),
            *("--out", str(tmp_path / "o")),
        ],
        cwd=ROOT,
        input=Path(photo).read_bytes(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["image"] == "-"
    assert (tmp_path / "o" / "stdin.compressed.jpg").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--keep", "most"), "choose from top1"),
        (("--see", "11"), "0…10"),
        (("--max-seconds", "-1"), "0 or more"),
        (("--panel", "nothing.onnx"), "nothing.onnx"),
    ],
)
def test_wrong_options_are_one_line_and_exit_code_2(arguments, words, photo, tmp_path, capsys):
    assert run(photo, "--out", str(tmp_path / "o"), *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (tmp_path / "o").exists()


def test_a_picture_that_the_format_cannot_hold_is_named(model, tmp_path, capsys):
    path = tmp_path / "long.png"
    Image.new("RGB", (16_384, 1)).save(path)
    assert run(str(path), "--panel", model, "--format", "webp", "--out", str(tmp_path)) == 1
    assert (
        capsys.readouterr().err.splitlines()[-2].startswith(f"error: {path}: the picture is 16384")
    )


def test_help_and_the_search_need_no_torch(photo, model, tmp_path):
    arguments = ["compress", photo, "--panel", model, "--out", str(tmp_path)]
    code = (
        "import sys; from engine.commands import cli; "
        f"code = cli.main({arguments!r}); sys.exit(code or 'torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr
    code = (
        "import sys; from engine.commands.options import CompressOptions; "
        "sys.exit(bool({'numpy', 'PIL', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_embedded_panel_and_resolution(tmp_path, capsys, photos):
    path = tmp_path / "cat.png"
    Image.fromarray(photos["chelsea"]).save(path)
    assert run(str(path), "--resize", "--keep", "top5", "--out", str(tmp_path), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["panel"] == "photos"
    assert report["keep"] == "top5"
    assert report["bytes_after"] < report["bytes_plain"] < report["bytes_before"]
    written = (tmp_path / "cat.compressed.jpg").read_bytes()
    with Image.open(io.BytesIO(written)) as image:
        assert list(image.size) == report["settings"]["size"]
        assert "exif" not in image.info
        assert np.asarray(image).size
