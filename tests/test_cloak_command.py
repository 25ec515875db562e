"""`cloak` and `verify` on the command line: what is written, reported, refused and left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cloaking
import pytest
from cloaking import simple_eye
from PIL import Image

from engine.attack.methods.ours import ours
from engine.cloak import face as cloak_module
from engine.commands import cli
from engine.faces.finder import SAME
from engine.images.samples import sample_paths

one_thread, portrait = cloaking.one_thread, cloaking.portrait
eye, photo = cloaking.eye, cloaking.photo


def test_the_command_writes_a_file_like_the_photo_without_metadata(photo, tmp_path, capsys, eye):
    out = tmp_path / "out"
    arguments = ["cloak", photo, "--out", str(out), "--json", "--exact", "--device", "cpu"]
    assert cli.main(arguments) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["success"] is True
    assert report["faces"][0]["distance_after"] > SAME > report["faces"][0]["distance_before"]
    with Image.open(report["file"]) as image:
        assert image.format == report["format"].upper() == "JPEG"
        assert image.size == (256, 256)
        assert not {"exif", "icc_profile", "comment"} & set(image.info)
        with Image.open(photo) as before:
            assert image.quantization == before.quantization
    assert [path.name for path in out.iterdir()] == ["portrait.cloaked.jpg"]
    assert Path(report["file"]).stat().st_size == report["bytes"]
    assert report["bytes"] == pytest.approx(Path(photo).stat().st_size, rel=0.1)
    assert "\r" not in captured.err  # no progress where stderr is no terminal
    assert cli.main(["verify", photo, report["file"]]) == 0
    assert "different people" in capsys.readouterr().out
    assert cli.main(["verify", photo, photo, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True


def test_a_target_need_not_hide_who_it_is(photo, tmp_path, capsys, eye):
    arguments = ["cloak", photo, "--out", str(tmp_path), "--target", photo, "--exact"]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "taken for the target" in said
    assert "STILL RECOGNISABLE" in said
    assert "no longer matched" not in said
    assert cli.main([*arguments, "--json"]) == 0
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["targeted"] is True
    assert face["distance_to_original"] < SAME


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
    (out / "portrait.cloaked.jpg").write_bytes(b"earlier")
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
    assert "take --exact" in captured.err  # there was time enough
    assert (out / "portrait.cloaked.jpg").read_bytes() == b"earlier"


def test_a_cloak_is_robust_unless_it_is_to_be_exact(photo, tmp_path, capsys, eye):
    arguments = ["cloak", photo, "--format", "png", "--out"]
    assert cli.main([*arguments, str(tmp_path / "robust")]) == 0
    said = capsys.readouterr().out
    assert "no longer matched" in said
    assert "survives JPEG 90, JPEG 75, WebP 80, half size, half size and JPEG 80" in said
    assert "undone" not in said
    assert "one step beyond" in said
    assert cli.main([*arguments, str(tmp_path / "exact"), "--exact"]) == 0
    assert "undone by JPEG" in capsys.readouterr().out
    assert cli.main(["cloak", photo, "--exact", "--robust"]) == 2


def test_an_interrupt_while_writing_leaves_nothing(photo, tmp_path, monkeypatch, eye):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    out = tmp_path / "out"
    arguments = ["cloak", photo, "--out", str(out), "--method", "bim", "--exact"]
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
    assert "recognisers dlib 69f42712, embedded" in capsys.readouterr().err
    assert asked == [("wu2017", str(folder), "cpu")]  # the eye has the same weights
    arguments[-1] = str(tmp_path / "nowhere")
    assert cli.main(arguments) == 2
    assert "nowhere" in capsys.readouterr().err


def test_verify_without_a_face_is_one_line(photo, capsys):
    assert cli.main(["verify", photo, str(sample_paths()[2])]) == 1
    assert "no face found" in capsys.readouterr().err
