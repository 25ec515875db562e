"""The evaluation of large faces: what is counted, what is refused."""

from __future__ import annotations

import io

import cloaking
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from training.evaluate.cloak import portraits
from training.records.record import read_json

one_thread, portrait, cloak = cloaking.one_thread, cloaking.portrait, cloaking.cloak


@pytest.fixture
def folder(tmp_path, portrait):
    """The portrait, and a photo without a face."""
    rows = []
    for name, pixels in (("one", portrait), ("none", np.full_like(portrait, 90))):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        rows.append({"image": {"bytes": stream.getvalue(), "path": None}, "name": name})
    place = tmp_path / "portraits"
    place.mkdir()
    parquet.write_table(pa.Table.from_pylist(rows), place / "test-00000-of-00001.parquet")
    return place


def test_a_look_measures_each_photo_once(folder, tmp_path, cloak, monkeypatch):
    monkeypatch.setattr(portraits, "load_cloak", lambda *choices: cloak)
    given = folder, None, tmp_path / "runs", "command"
    path = portraits.evaluate_portraits(*given, only="exact")
    assert path == tmp_path / "runs/portraits/cloak_portraits.json"  # publishes nothing
    result = read_json(path)
    (row,) = result["rows"]
    assert (row["kind"], row["n"], row["refused"], row["success"]) == ("exact", 1, 1, 1.0)
    assert 9 < row["jod"] <= 10
    assert row["face_psnr_db"] > 36
    one, none = result["per_photo"]["exact"]
    assert one["success"] is True
    assert "no face found" in none["refused"]

    def never(*arguments):
        raise AssertionError("measured again")

    monkeypatch.setattr(portraits, "cloaked", never)
    assert read_json(portraits.evaluate_portraits(*given, only="exact")) == result
