"""What is done is not done again: while picture, options, weights and results are the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

import engine.batch.key
from engine.batch import manifest
from engine.batch.key import key_of
from engine.commands import cli
from engine.commands.options import CloakOptions, HumanOptions, MachineOptions
from engine.errors import StorageError


@pytest.fixture
def pictures(tmp_path, photos) -> Path:
    folder = tmp_path / "pictures"
    for number, name in enumerate(("a.png", "b.png", "in/c.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photos["chelsea"][number : number + 24, :32]).save(folder / name)
    return folder


@pytest.fixture
def human(pictures, tmp_path, capsys):
    """Runs `human` on the pictures: (exit code, reports, stderr)."""

    def run(*arguments: str, code: int = 0) -> tuple[list[dict], str]:
        names = ["human", str(pictures), "--model", "wu2017", "--out", str(tmp_path / "out")]
        assert cli.main([*names, "--json", *arguments]) == code
        captured = capsys.readouterr()
        return [json.loads(line) for line in captured.out.splitlines()], captured.err

    return run


def records(folder: Path) -> list[dict]:
    lines = (folder / "human.manifest.jsonl").read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"\n") for line in lines)
    return [json.loads(line) for line in lines]


def times(folder: Path) -> dict[str, int]:
    """When each result was written, in ns."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*.png")}


def test_a_second_run_does_nothing_and_reports_the_same(human, tmp_path):
    reports, _ = human()
    written = times(tmp_path / "out")
    assert len(written) == 6
    again, error = human()
    assert again == reports
    assert times(tmp_path / "out") == written
    assert "3 of 3 pictures were done before" in error
    assert "wu2017" not in error  # nothing was prepared
    assert [each["stem"] for each in records(tmp_path / "out")] == ["a", "b", "in/c"]
    others = {path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".png"}
    assert others == {"human.manifest.jsonl", "in"}


def test_a_reader_is_told_that_a_picture_is_not_done_again(human, pictures, tmp_path, capsys):
    human()
    arguments = ["human", str(pictures), "--model", "wu2017", "--out", str(tmp_path / "out")]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.count("done in an earlier run, not again") == 3


def test_other_options_and_another_picture_are_done_anew(human, pictures, tmp_path):
    human()
    written = times(tmp_path / "out")
    human("--seed", "1")
    changed = times(tmp_path / "out")
    assert all(changed[path] != written[path] for path in written)
    reports, _ = human()  # what was there before the other seed is not there any more
    assert [report["seed"] for report in reports] == [0, 0, 0]
    assert all(time != changed[path] for path, time in times(tmp_path / "out").items())
    last = times(tmp_path / "out")
    (pictures / "b.png").write_bytes((pictures / "a.png").read_bytes())
    human()
    now = times(tmp_path / "out")
    assert {Path(path).name for path in now if now[path] != last[path]} == {
        "b.human.png",
        "b.noisy.png",
    }


@pytest.mark.parametrize("harm", ["removed", "changed", "cut"])
def test_a_result_that_is_not_as_it_was_written_is_made_again(human, tmp_path, harm):
    human()
    path = tmp_path / "out" / "b.noisy.png"
    good = path.read_bytes()
    if harm == "removed":
        path.unlink()
    else:
        path.write_bytes(good[:-1] if harm == "cut" else good[:-1] + b"x")
    _, error = human()
    assert "2 of 3 pictures were done before" in error
    assert path.read_bytes() == good


def test_results_that_were_moved_are_still_known(human, pictures, tmp_path, capsys):
    reports, _ = human()
    (tmp_path / "out").rename(tmp_path / "moved")
    arguments = ["human", str(pictures), "--model", "wu2017", "--json"]
    assert cli.main([*arguments, "--out", str(tmp_path / "moved")]) == 0
    captured = capsys.readouterr()
    moved = [json.loads(line) for line in captured.out.splitlines()]
    assert "3 of 3 pictures were done before" in captured.err
    assert json.dumps(moved) == json.dumps(reports).replace(
        str(tmp_path / "out"), str(tmp_path / "moved")
    )


def test_a_refused_picture_is_recorded_and_tried_again(human, pictures, tmp_path, photos):
    (pictures / "b.png").write_bytes(b"no picture")
    for _ in range(2):
        reports, error = human(code=1)
        assert ["error" in report for report in reports] == [False, True, False]
        assert "1 of 3 pictures refused" in error
    assert [each["stem"] for each in records(tmp_path / "out") if "error" in each] == ["b", "b"]
    Image.fromarray(photos["chelsea"][:24, :32]).save(pictures / "b.png")
    human()


def test_a_line_that_was_cut_off_is_not_believed(human, tmp_path):
    human()
    path = tmp_path / "out" / "human.manifest.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(lines[0] + b"not JSON\n[]\n" + lines[1] + lines[2][:50])
    _, error = human()
    assert "2 of 3 pictures were done before" in error
    assert path.read_bytes().count(b"\n") == 5
    assert json.loads(path.read_bytes().splitlines()[-1])["stem"] == "in/c"


def test_one_run_at_a_time_writes_to_a_folder(human, tmp_path):
    pytest.importorskip("fcntl")
    with manifest.opened(tmp_path / "out", "human", "key"):
        _, error = human(code=2)
        assert "another human is writing" in error
        with manifest.opened(tmp_path / "out", "machine", "key"):
            pass  # another command has a manifest of its own
    human()


def test_single_pictures_leave_no_manifest_and_are_done_anew(pictures, tmp_path):
    out = tmp_path / "out"
    arguments = ["human", str(pictures / "a.png"), "--model", "wu2017", "--out", str(out)]
    assert cli.main(arguments) == 0
    written = times(out)
    assert cli.main(arguments) == 0
    assert all(time != written[path] for path, time in times(out).items())
    assert sorted(path.name for path in out.iterdir()) == ["a.human.png", "a.noisy.png"]


@pytest.mark.parametrize("code", [28, 30, 122])
def test_a_manifest_that_cannot_grow_ends_the_batch_whole(tmp_path, code):
    source = manifest.Source("a.png", "a", "digest")
    with manifest.opened(tmp_path, "human", "key") as first:
        first.add(source, {"image": "a.png"}, True, {})
    before = (tmp_path / "human.manifest.jsonl").read_bytes()

    class Full:
        """A file of which only some bytes of a line can be written."""

        def __init__(self, stream):
            self.stream, self.space = stream, 20

        def __getattr__(self, name):
            return getattr(self.stream, name)

        def write(self, data):
            if not self.space:
                raise OSError(code, os.strerror(code))
            data, self.space = data[: self.space], 0
            return self.stream.write(data)

    with manifest.opened(tmp_path, "human", "key") as second:
        second._stream = Full(second._stream)
        with pytest.raises(StorageError, match="jsonl cannot be written"):
            second.add(source, {"image": "a.png"}, True, {})
    assert (tmp_path / "human.manifest.jsonl").read_bytes() == before


# --- the key ---


def test_only_what_changes_results_changes_the_key(tmp_path):
    key = key_of(HumanOptions())
    assert key_of(HumanOptions(json=True, out=tmp_path, workers=3)) == key
    assert key_of(HumanOptions(seed=1)) != key
    assert key_of(CloakOptions(exact=True)) != key_of(CloakOptions())


def test_the_version_and_the_pinned_weights_are_in_the_key(monkeypatch):
    key = key_of(HumanOptions())
    monkeypatch.setattr(engine.batch.key, "__version__", "9")
    other = key_of(HumanOptions())
    monkeypatch.setattr(engine.batch.key, "MODELS", {})
    assert len({key, other, key_of(HumanOptions())}) == 3


def changed(path: Path) -> None:
    """Another last byte."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("model.onnx", lambda at: MachineOptions(panel=(f"photos,{at}/model.onnx",))),
        ("model.onnx", lambda at: MachineOptions(panel=(f"{at}/model.onnx",))),
        ("w.safetensors", lambda at: MachineOptions(panel=(f"timm:resnet18={at}/w.safetensors",))),
        ("labels.txt", lambda at: MachineOptions(labels=(f"{at}/labels.txt",))),
        ("me.jpg", lambda at: CloakOptions(target=f"{at}/me.jpg")),
        ("in/me.jpg", lambda at: CloakOptions(gallery=str(at))),
        ("x.onnx", lambda at: HumanOptions(weights=str(at))),
    ],
)
def test_a_file_that_an_option_names_is_in_the_key(tmp_path, name, options):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"content")
    key = key_of(options(tmp_path))
    assert key_of(options(tmp_path)) == key
    changed(tmp_path / name)
    assert key_of(options(tmp_path)) != key


def test_external_data_of_a_model_is_in_the_key(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"\x0a\x08location\x12\x0aweights.bin")
    for name in ("weights.bin", "other.bin"):
        (tmp_path / name).write_bytes(b"content")
    options = MachineOptions(panel=(str(tmp_path / "model.onnx"),))
    key = key_of(options)
    changed(tmp_path / "other.bin")
    assert key_of(options) == key
    changed(tmp_path / "weights.bin")
    assert key_of(options) != key


def test_weights_from_the_environment_are_in_the_key(tmp_path, monkeypatch):
    (tmp_path / "x.onnx").write_bytes(b"content")
    monkeypatch.setenv("JND_WEIGHTS", str(tmp_path))
    key = key_of(HumanOptions())
    changed(tmp_path / "x.onnx")
    assert key_of(HumanOptions()) != key
