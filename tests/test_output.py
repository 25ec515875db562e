"""Files out: all or nothing, whatever goes wrong on the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.errors import OutputError
from engine.output import check_folder, write_files


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_are_written(tmp_path):
    write_files({tmp_path / "new" / "a": b"1", tmp_path / "new" / "b": b"2"})
    assert names(tmp_path / "new") == ["a", "b"]
    assert (tmp_path / "new" / "b").read_bytes() == b"2"


def test_a_wall_instead_of_a_folder_leaves_nothing(tmp_path):
    wall = tmp_path / "wall"
    wall.write_text("a file where a folder is needed")
    with pytest.raises(OutputError):
        write_files({tmp_path / "a.png": b"1", wall / "b.png": b"2"})
    assert names(tmp_path) == ["wall"]


def test_a_folder_is_checked_without_being_made(tmp_path, monkeypatch):
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "newer")
    monkeypatch.chdir(tmp_path)
    check_folder(Path("new"))
    assert names(tmp_path) == []


def test_a_wall_and_a_locked_folder_are_found_before_work(tmp_path, monkeypatch):
    wall = tmp_path / "wall"
    wall.write_text("a file where a folder is needed")
    for folder in (wall, wall / "below"):
        with pytest.raises(OutputError, match=r"wall cannot be written \(not a folder\)"):
            check_folder(folder)
    monkeypatch.setattr(os, "access", lambda place, mode: place != tmp_path)  # root may do all
    with pytest.raises(OutputError, match="no permission"):
        check_folder(tmp_path / "new")


def test_a_rename_that_fails_takes_the_others_back(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(OutputError):
        write_files({tmp_path / "a": b"1", tmp_path / "b": b"2", tmp_path / "c": b"3"})
    assert names(tmp_path) == ["b"]


@pytest.mark.parametrize("at", [0, 1])
def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch, at):
    original, calls = os.replace, []

    def interrupted(source, target):
        if len(calls) == at:
            raise KeyboardInterrupt
        calls.append(target)
        original(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert names(tmp_path) == []


def test_the_umask_is_respected(tmp_path):
    before = os.umask(0o077)
    try:
        write_files({tmp_path / "private": b"1"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600
