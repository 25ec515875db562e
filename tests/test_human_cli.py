"""`python -m engine human`: what it prints, what it writes, how it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.commands import cli
from engine.human import thresholds

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def cat(photos, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("pictures") / "cat.png"
    Image.fromarray(photos["chelsea"][60:200, 100:260]).save(path)
    return str(path)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """JOD, FSIM and VIF have tests of their own."""
    nothing = {"jod": None, "fsim": None, "vif": None}
    monkeypatch.setattr(
        "engine.metrics.perceptual.measure", lambda *_: (nothing, ["jod: not here"])
    )


def run(*arguments: str) -> int:
    return cli.main(["human", *arguments, "--model", "wu2017"])


def test_files_and_numbers(cat, tmp_path, capsys):
    assert run(cat, "--out", str(tmp_path), "--json", "--array", "--metrics") == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["model"] == "wu2017"
    assert report["size"] == [160, 140]
    assert report["level"] == 1
    assert report["jod"] is None
    assert "note: cat.png: jod: not here" in captured.err
    pixels = np.asarray(Image.open(cat))
    jnd = thresholds(pixels, "wu2017")
    np.testing.assert_array_equal(np.load(report["files"]["thresholds"]), jnd)
    assert report["mean_threshold"] == pytest.approx(jnd.mean((0, 1)).tolist(), abs=1e-3)
    shown = np.asarray(Image.open(report["files"]["map"]))
    np.testing.assert_array_equal(shown, np.rint(np.minimum(8 * jnd, 255)))
    with Image.open(report["files"]["noisy"]) as noisy:
        assert noisy.info == {}
        change = np.asarray(noisy).astype(float) - pixels
    inside = (pixels > 40) & (pixels < 215)
    np.testing.assert_allclose(np.abs(change)[inside], jnd[inside], atol=0.51)
    power = np.square(change).mean()
    assert report["psnr_db"] == pytest.approx(10 * np.log10(255**2 / power), abs=1e-4)
    assert report["beyond_jnd_share"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cat.human.npy",
        "cat.human.png",
        "cat.noisy.png",
    ]


SLOW = ("ssim", "delta_e_mean", "delta_e_p99", "jod", "fsim", "vif")


def test_what_takes_long_is_on_request(cat, tmp_path, capsys, monkeypatch):
    for name in (
        "engine.metrics.quality.ssim",
        "engine.metrics.quality.delta_e",
        "engine.metrics.perceptual.measure",
    ):
        monkeypatch.setattr(name, lambda *_, name=name: pytest.fail(f"{name} was not wanted"))
    assert run(cat, "--out", str(tmp_path), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {report[name] for name in SLOW} == {None}
    assert report["files"]["thresholds"] is None
    assert report["psnr_db"] > 20
    assert report["changed_share"] > 0.9
    assert report["beyond_jnd_share"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat.human.png", "cat.noisy.png"]


def test_the_pictures_are_there_before_the_metrics(cat, tmp_path, monkeypatch):
    def interrupted(*_):
        assert (tmp_path / "cat.noisy.png").is_file()
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.metrics.quality.ssim", interrupted)
    assert run(cat, "--out", str(tmp_path), "--metrics") == 130
    assert (tmp_path / "cat.human.png").is_file()


def test_a_psnr_and_a_seed(cat, tmp_path, capsys):
    reports = []
    for seed in ("1", "1", "2"):
        assert run(cat, "--out", str(tmp_path), "--json", "--psnr", "26", "--seed", seed) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["psnr_db"] == pytest.approx(26, abs=0.02)
        reports.append(Path(report["files"]["noisy"]).read_bytes())
    assert reports[0] == reports[1] != reports[2]


def test_the_table_is_readable(cat, tmp_path, capsys):
    assert run(cat, "--out", str(tmp_path), "--level", "0.5", "--metrics") == 0
    out = capsys.readouterr().out
    for words in ("wu2017: mean threshold R ", "noise at 0.5 times", " dB · SSIM 0.", "cat.noisy"):
        assert words in out


def test_a_bad_picture_does_not_stop_the_others(cat, tmp_path, capsys):
    out = tmp_path / "out"
    images = [str(tmp_path / "missing.png"), cat]
    assert run(*images, "--out", str(out), "--json") == 1
    captured = capsys.readouterr()
    reports = [json.loads(line) for line in captured.out.splitlines()]
    assert ["error" in report for report in reports] == [True, False]
    assert "1 of 2 pictures refused" in captured.err


def test_tiny_and_extreme_pictures_work(tmp_path, capsys):
    paths = []
    for name, size in (("dot", (1, 1)), ("line", (1, 900)), ("white", (20, 20))):
        path = tmp_path / f"{name}.png"
        Image.fromarray(np.full((*size, 3), 255, np.uint8)).save(path)
        paths.append(str(path))
    assert run(*paths, "--out", str(tmp_path / "out"), "--json") == 0
    for line in capsys.readouterr().out.splitlines():
        assert json.loads(line)["mean_threshold"] == pytest.approx([6.0] * 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--level", "1", "--psnr", "30"], "give one of them"),
        (["--level", "-1"], "from 0 to 1000"),
        (["--level", "nan"], "from 0 to 1000"),
        (["--psnr", "inf"], "at most 60"),
        (["--psnr", "0"], "above 0"),
        (["--seed", "-1"], "whole number"),
    ],
)
def test_options_that_make_no_sense_are_exit_code_2(cat, tmp_path, capsys, arguments, words):
    out = tmp_path / "out"
    assert run(cat, "--out", str(out), *arguments) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_a_psnr_out_of_reach_refuses_that_picture_only(tmp_path, cat, capsys):
    grey = tmp_path / "grey.png"
    Image.fromarray(np.full((16, 16, 3), 128, np.uint8)).save(grey)
    assert run(str(grey), "--out", str(tmp_path), "--psnr", "2") == 1
    assert "at the most: ask for a higher PSNR" in capsys.readouterr().err


def test_classical_models_import_neither_torch_nor_onnxruntime(cat, tmp_path):
    code = (
        "import sys\nfrom engine import human_jnd\n"
        f"human_jnd({cat!r}, 'wu2013'); human_jnd({cat!r}, 'yang2005')\n"
        "human_jnd(__import__('numpy').zeros((9, 9, 3), 'uint8'), 'liu2010')\n"
        "assert not {'torch', 'onnxruntime', 'training'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
