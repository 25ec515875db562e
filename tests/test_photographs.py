"""Photos with their names, labels and makers, from parquet files."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from training.data.labelled import DataError
from training.data.photographs import load_photographs, unescaped


def write(path, rows: list[dict]) -> None:
    stream = io.BytesIO()
    Image.new("L", (5, 4), 9).save(stream, "PNG")
    pictures = [
        {"image": {"bytes": stream.getvalue(), "path": f"{place}.png"}} | row
        for place, row in enumerate(rows)
    ]
    parquet.write_table(pa.Table.from_pylist(pictures), path)


def test_what_is_known_of_a_photo_comes_with_it(tmp_path):
    known = {"name": "a cat", "label": 285, "author": "J\\303\\266rg ", "url": "https://x.org"}
    write(tmp_path / "test-0.parquet", [known | {"license": "CC0"}, dict.fromkeys(known)])
    write(tmp_path / "train-0.parquet", [{}] * 3)
    found = load_photographs(tmp_path)
    first, second = found.photos
    assert first.pixels.shape == (4, 5, 3)
    assert (first.name, first.label, first.author) == ("a cat", 285, "Jörg")
    assert (first.url, first.licence) == ("https://x.org", "CC0")
    assert (second.name, second.label, second.author) == ("1.png", None, "")
    assert found.source == f"{tmp_path.name}: test, 2 photos"
    assert len(load_photographs(tmp_path, 1)) == 1


def test_of_a_train_split_the_last_may_be_taken(tmp_path):
    write(tmp_path / "train-0.parquet", [{}] * 5)
    found = load_photographs(tmp_path, 1, last_of_train=3)
    assert [photo.name for photo in found.photos] == ["2.png"]
    assert found.source == f"{tmp_path.name}: the last 3 of train, 1 photos"
    assert len(load_photographs(tmp_path)) == 5


def test_what_holds_no_photos_is_refused(tmp_path):
    with pytest.raises(DataError, match="no data"):
        load_photographs(tmp_path / "none")
    with pytest.raises(DataError, match="holds no photos"):
        load_photographs(tmp_path)
    parquet.write_table(pa.table({"text": ["a"]}), tmp_path / "test-0.parquet")
    with pytest.raises(DataError, match="not image"):
        load_photographs(tmp_path)


def test_octal_escapes_are_characters():
    assert unescaped("\\347\\224\\260 (a\\b)") == "田 (a\\b)"
    assert unescaped("plain") == "plain"
