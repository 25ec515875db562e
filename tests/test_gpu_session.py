"""A session on a GPU and its command: options of the preset, parts each on their own."""

from __future__ import annotations

import argparse
import json
import sys

import pytest

from training.train.photo import generator as photo_generator
from training.train.photo import gpu_session
from training.train.photo.preset import PhotoPreset, add_options, from_options


def test_a_command_sets_any_field_of_the_preset():
    parser = argparse.ArgumentParser()
    add_options(parser)
    assert from_options(parser.parse_args([])) == PhotoPreset()
    given = ["--held", "0.9", "--multiples", "0.5", "1.5", "--batch", "8"]
    expected = PhotoPreset(held=0.9, multiples=(0.5, 1.5), batch=8)
    assert from_options(parser.parse_args(given)) == expected


@pytest.fixture
def command(monkeypatch, tmp_path):
    def run(*options: str) -> int:
        given = ["session", "--data", "d", "--panel", "p", "--out", str(tmp_path), *options]
        monkeypatch.setattr(sys, "argv", given)
        return gpu_session.main()

    return run


def test_a_part_that_fails_leaves_the_others_and_their_lines(
    command, monkeypatch, tmp_path, capsys
):
    rows = [{"device": "cpu", "panel": 1.0}, {"device": "cpu", "panel": 2.0}]

    def speeds(*_):
        yield from rows
        raise RuntimeError("out of time")

    begun = []
    monkeypatch.setattr(gpu_session, "speeds", speeds)
    monkeypatch.setattr(photo_generator, "run", lambda *given, **options: begun.append(given))
    assert command("--parts", "speed,photos", "--held", "0.9") == 1
    assert begun[0][3] == PhotoPreset(held=0.9)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines[1:3]] == rows
    assert lines[3].startswith("speed: failed")
    assert lines[4].startswith("photos: done")
    assert json.loads((tmp_path / "speed.json").read_text())["rows"] == rows


def test_an_unknown_part_is_refused(command, capsys):
    with pytest.raises(SystemExit):
        command("--parts", "speed,lunch")
    assert "lunch" in capsys.readouterr().err
