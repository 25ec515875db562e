"""The watermark's evaluation: two small photos, resumed; the libraries beside it; its tables."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from engine.metrics.quality import psnr_8bit
from engine.watermark.signal.key import key_of
from training.data.labelled import DataError
from training.evaluate.watermark import false_alarms, libraries, photo, plan, run
from training.evaluate.watermark.libraries import LIBRARIES, Library
from training.evaluate.watermark.plan import Row
from training.records import record
from training.records.record import read_json
from training.results.applied import machine_quality, watermark
from training.results.tables import TABLES


def least_bits(pixels: np.ndarray, bits: np.ndarray, strength: float) -> np.ndarray:
    """A watermark in the lowest bits, times a strength, which any change destroys."""
    marked = pixels.astype(float)
    flat = marked.reshape(-1)
    step = max(2.0, 20 * strength)
    count = len(flat) // len(bits) * len(bits)
    own = np.tile(bits, count // len(bits))
    flat[:count] = step * (np.floor(flat[:count] / step) + 0.25 + 0.5 * own)
    return np.rint(np.clip(marked, 0, 255)).astype(np.uint8)


def read_bits(pixels: np.ndarray, count: int, strength: float) -> np.ndarray:
    flat, step = pixels.reshape(-1).astype(float), max(2.0, 20 * strength)
    whole = flat[: len(flat) // count * count]
    return (np.mod(whole, step) > step / 2).reshape(-1, count).mean(0) > 0.5


class Toy(Library):
    version = "1"  # as if it were installed


TOY = Toy("toy", "toy", least_bits, read_bits)
FIRST = Row("toy, human", "kodak", first=1, jod=0)
ROWS = (
    FIRST,
    Row("toy, machine", "kodak", observer="machine", first=1, jod=0),
    Row("toy, least bits", "kodak", "toy", jod=0, first=2),
    Row("toy, least bits, at our PSNR", "kodak", "toy", jod=0, first=1, equal=FIRST.name),
    Row("toy, not installed", "kodak", "gone", jod=0, first=1),
)


@pytest.fixture
def folder(tmp_path, photos):
    place = tmp_path / "data" / "kodak"
    place.mkdir(parents=True)
    images = []
    for name in ("coffee", "chelsea"):
        stream = io.BytesIO()
        Image.fromarray(photos[name][:256, :320]).save(stream, "PNG")
        images.append({"bytes": stream.getvalue(), "path": f"{name}.png"})
    parquet.write_table(pa.table({"image": images}), place / "test-00000.parquet")
    return place.parent


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A plan of few rows, with a library that is there and one that is not."""
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(run, "ROWS", ROWS)
    monkeypatch.setattr(run, "UNMARKED", (("kodak", 1), ("nips17", 1)))
    monkeypatch.setattr(run, "jod_is_there", lambda: False)
    monkeypatch.setattr(false_alarms, "KEYS", 2)
    monkeypatch.setitem(LIBRARIES, "toy", TOY)
    monkeypatch.setitem(LIBRARIES, "gone", Library("gone", "gone_module", least_bits, read_bits))


def test_an_evaluation_is_written_resumed_and_shown(folder, small, tmp_path, monkeypatch):
    arguments = (folder, tmp_path / "none", 2, tmp_path / "runs", "a test")
    result = read_json(run.evaluate_watermark(*arguments))
    rows = {row["name"]: row for row in result["rows"]}
    assert list(rows) == [row.name for row in ROWS[:-1]]
    assert result["missing"] == ["toy, not installed"]
    assert result["libraries"]["gone"] is None
    ours, machine, toy, equal = rows.values()
    for name in ("png", "jpeg50", "webp75", "half", "crop"):
        assert ours["read"][name]["share"] == 1, name
    assert ours["wrong_key"] == 0
    assert machine["read"]["jpeg10"]["share"] == 1
    assert machine["all_classifiers_keep"] == 1
    assert toy["n"] == 2
    assert toy["read"]["png"]["share"] == 1
    assert toy["read"]["crop"]["share"] == 0
    assert equal["psnr_db"] == pytest.approx(ours["psnr_db"], abs=photo.NEAR)
    (unmarked,) = result["unmarked"]
    assert unmarked["found"] == 0
    assert unmarked["readings"] == 2
    assert unmarked["bound"] < 1e-6

    def never(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr(run, "measured", never)
    monkeypatch.setattr(run, "unmarked", never)
    again = read_json(run.evaluate_watermark(*arguments))
    assert again["rows"] == result["rows"]
    with pytest.raises(DataError, match="has 'dog' in its name"):
        run.evaluate_watermark(*arguments, only="dog")
    with pytest.raises(DataError, match="has none of kodak"):
        run.evaluate_watermark(tmp_path, *arguments[1:])

    record.write_json(record.RESULTS / "watermark.json", result)
    shown = TABLES["watermark"]()
    assert "| toy, human | 64 | 1 | 100.0 % |" in shown
    assert "not measured: toy, not installed" in shown
    assert "| kodak | 2 | 0 |" in TABLES["watermark_alarms"]()


def test_a_psnr_that_cannot_be_reached_is_none(photos):
    pixels = photos["coffee"][:128, :128]
    bits = np.ones(64, bool)

    def mark(strength: float) -> np.ndarray:
        return least_bits(pixels, bits, strength)

    marked, _ = photo.at_psnr(pixels, mark, 36.0, photo.BETWEEN)
    assert psnr_8bit(pixels, marked) == pytest.approx(36.0, abs=photo.NEAR)
    assert photo.at_psnr(pixels, mark, 70.0, photo.BETWEEN) is None


def test_chance_is_counted_on_every_scale_and_length(photos):
    tried, right = false_alarms.chance(photos["coffee"][:200, :200], key_of("k"))
    assert tried >= 27
    assert right <= 3


def test_every_row_of_the_plan_can_be_measured():
    known = {plan.OURS, *LIBRARIES}
    names = [row.name for row in plan.ROWS]
    assert len(set(names)) == len(names)
    for row in plan.ROWS:
        assert row.method in known
        assert row.equal is None or names.index(row.equal) < names.index(row.name)


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_reads_what_it_wrote(name, photos):
    library = LIBRARIES[name]
    if library.version is None:
        pytest.skip(f"{library.package} is not installed")
    pixels = photos["coffee"][:256, :256]
    bits = np.random.default_rng(0).integers(0, 2, 32).astype(bool)
    marked = library.embed(pixels, bits, 1.0)
    assert marked.shape == pixels.shape
    assert (libraries.LIBRARIES[name].read(marked, 32, 1.0) == bits).mean() > 0.7


def test_tables_say_how_to_measure_what_is_not(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    for table in (*watermark.TABLES.values(), *machine_quality.TABLES.values()):
        assert "Not measured yet: `training evaluate " in table()
