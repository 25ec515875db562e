"""What a command line names: folders, lists, files; in order, each under a name of its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.batch.collection import PICTURES, collect
from engine.commands import cli
from engine.errors import UsageError
from engine.images.picture import FORMATS


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(*operands: object, out: Path | None = None) -> dict[str, str]:
    """Stem -> the end of the image's name."""
    items = collect([str(each) for each in operands], out).items
    assert all(item.error is None for item in items)
    return {item.stem: item.image for item in items}


def test_a_folder_is_gone_through_in_order_and_keeps_its_places(tmp_path):
    names = ("b/z.png", "b/a.JPG", "b/c/x.webp", "a.tif", "c.HEIC", "b/notes.md", ".hidden/h.png")
    touch(tmp_path, *names, "b/.thumb.png")
    collection = collect([str(tmp_path)])
    assert [item.stem for item in collection.items] == ["a", "c", "b/a", "b/z", "b/c/x"]
    assert [Path(item.image).relative_to(tmp_path).as_posix() for item in collection.items] == [
        "a.tif",
        "c.HEIC",
        "b/a.JPG",
        "b/z.png",
        "b/c/x.webp",
    ]
    assert collection.several
    assert collection.notes == (f"{tmp_path}: 1 file passed over, by their names no pictures",)


def test_every_format_that_is_read_is_found_by_its_name():
    Image.init()
    for ending in PICTURES:
        kind = Image.registered_extensions().get(ending)
        assert kind in FORMATS or kind in ("MPO", "DIB", "HEIF", None), ending
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        assert f".{kind.lower()}" in PICTURES


def test_names_that_would_be_one_get_numbers(tmp_path):
    touch(tmp_path / "one", "cat.png", "cat.jpg", "Cat.gif", "in/cat.png")
    touch(tmp_path / "two", "cat.png")
    stems = list(found(tmp_path / "one", tmp_path / "two", tmp_path / "two/cat.png"))
    assert stems == ["Cat", "cat-2", "cat-3", "in/cat", "cat-4", "cat-5"]


def test_many_pictures_of_one_name_take_no_time(tmp_path):
    assert len(found(*(f"{number}/cat.png" for number in range(20_000)))) == 20_000


def test_a_list_names_files_and_folders_which_keep_their_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "a/b/1.png", "a/2.jpg", "3.png", "# odd.png")
    strange = os.fsdecode(b"caf\xe9.png")
    absolute = tmp_path / "3.png"
    lines = ["3.png", "", "a", "# odd.png", "../elsewhere/4.png", strange, str(absolute)]
    (tmp_path / "LIST.TXT").write_bytes(b"\xef\xbb\xbf" + os.fsencode("\r\n".join(lines)))
    assert found("LIST.TXT") == {
        "3": "3.png",
        "a/2": "a/2.jpg",
        "a/b/1": "a/b/1.png",
        "# odd": "# odd.png",
        "elsewhere/4": "../elsewhere/4.png",
        strange[:-4]: strange,
        str(absolute.with_suffix("")).lstrip("/"): str(absolute),
    }
    assert collect(["LIST.TXT"]).several


def test_a_picture_and_standard_input_are_not_several(tmp_path):
    touch(tmp_path, "a.png")
    collection = collect(["-", str(tmp_path / "a.png"), "missing.txt"])
    assert [item.stem for item in collection.items] == ["stdin", "a", "missing"]
    assert not collection.several


def test_folders_of_results_are_no_pictures(tmp_path):
    out, earlier = tmp_path / "out", tmp_path / "earlier"
    touch(tmp_path, "a.png", "out/a.png", "earlier/a.png", "earlier/human.manifest.jsonl")
    collection = collect([str(tmp_path)], out)
    assert [item.stem for item in collection.items] == ["a"]
    assert collection.notes == (f"{earlier} passed over: results of an earlier run",)
    assert "a" in found(earlier)  # where it is named itself


@pytest.mark.parametrize("out", ["pictures", "pictures/../pictures", "."])
def test_results_among_the_pictures_are_refused(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "pictures/pictures/a.png", "pictures/b.png")
    with pytest.raises(UsageError, match="would come among its pictures"):
        collect(["pictures"], Path(out))
    assert found("pictures", out=Path("elsewhere"))
    (tmp_path / "link").symlink_to(tmp_path / "pictures")
    with pytest.raises(UsageError):
        collect(["link"], Path("pictures"))


def test_links_to_folders_are_not_followed(tmp_path):
    touch(tmp_path, "in/a.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "in" / "a.png")
    assert list(found(tmp_path / "in")) == ["a", "b"]


def test_an_empty_folder_and_an_empty_list_are_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n \n")
    for name, words in (("empty", "holds no file"), ("empty.txt", "names no picture")):
        arguments = ["human", str(tmp_path / name), "--out", str(tmp_path / "out")]
        assert cli.main(arguments) == 1
        assert words in capsys.readouterr().err


def test_a_folder_that_cannot_be_read_is_recorded(tmp_path, monkeypatch, capsys):
    touch(tmp_path, "in/locked/a.png")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "in" / "b.png")
    original = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    out = tmp_path / "out"
    arguments = ["human", str(tmp_path / "in"), "--model", "wu2017", "--out", str(out)]
    assert cli.main(arguments) == 1
    captured = capsys.readouterr()
    assert "locked cannot be read (Permission denied)" in captured.err
    assert "1 of 2 pictures refused" in captured.err
    assert (out / "b.noisy.png").is_file()
