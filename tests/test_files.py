"""Files are written whole or not at all, one or several, whatever goes wrong on the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.errors import OutputError
from engine.system.files import check_folder, replacing, write_bytes, write_files, write_text


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


def raising(error: BaseException):
    raise error


class Failing:
    """os.replace, which fails once: the third time."""

    def __init__(self, error: BaseException):
        self.error, self.calls, self.original = error, 0, os.replace

    def __call__(self, source, target):
        self.calls += 1
        if self.calls == 3:
            raise self.error
        self.original(source, target)


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_older_files(tmp_path, monkeypatch, error, links):
    files = [tmp_path / name for name in "abcd"]
    older = [files[0], *files[2:]]
    for path in older:
        path.write_text(f"older {path.name}")
    if not links:
        refusal = OSError(1, "Operation not permitted")
        monkeypatch.setattr(os, "link", lambda *_, **options: raising(refusal))
    monkeypatch.setattr(os, "replace", Failing(error))
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_files({path: b"newer" for path in files})
    assert names(tmp_path) == ["a", "c", "d"]
    assert [path.read_text() for path in older] == ["older a", "older c", "older d"]


def test_older_files_are_replaced_and_no_copy_is_left(tmp_path):
    for _ in range(2):
        write_files({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    (tmp_path / "link").symlink_to(tmp_path / "a")
    write_files({tmp_path / "link": b"3"})
    assert names(tmp_path) == ["a", "b", "link"]
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_disk_that_loses_bytes_is_found_before_anything_is_replaced(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"older")
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: original(path)[:-1])
    with pytest.raises(OutputError, match="reads back differently"):
        write_files({tmp_path / "a": b"newer"})
    monkeypatch.undo()
    assert (tmp_path / "a").read_bytes() == b"older"
    assert names(tmp_path) == ["a"]


def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path):
    name = "é" * 120 + ".figure.png" + "1234"
    assert len(os.fsencode(name)) == 255
    write_files({tmp_path / name: b"1"})
    assert names(tmp_path) == [name]


def test_the_umask_is_respected(tmp_path):
    before = os.umask(0o077)
    try:
        write_files({tmp_path / "private": b"1"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600


def test_one_file_is_replaced_when_its_block_ends(tmp_path):
    path = tmp_path / "new" / "a"
    write_bytes(path, b"older")
    with replacing(path) as temporary:
        temporary.write_bytes(b"newer")
        assert path.read_bytes() == b"older"
    assert path.read_bytes() == b"newer"
    write_text(path, "é\n")
    assert path.read_bytes() == "é\n".encode()
    assert names(path.parent) == ["a"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_one_file_is_what_it_was_after_an_error(tmp_path, error):
    path = tmp_path / "a"
    write_bytes(path, b"older")

    def failing():
        with replacing(path) as temporary:
            temporary.write_bytes(b"new")
            raise error

    with pytest.raises(type(error)):
        failing()
    assert path.read_bytes() == b"older"
    assert names(tmp_path) == ["a"]
