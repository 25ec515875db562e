"""Compression of photos: what is measured of two small ones, resumed; tables and the figure."""

from __future__ import annotations

import io
from contextlib import closing
from dataclasses import replace
from functools import wraps

import numpy as np
import pyarrow as pa
import pytest
from onnx_models import outside
from PIL import Image
from pyarrow import parquet

from engine.compress.formats import FORMATS
from engine.compress.methods import rows as methods
from engine.errors import SetupError
from engine.system.threads import threads
from training.data.labelled import DataError
from training.evaluate.codec import compared, plan, run, subject, summary
from training.evaluate.codec.plan import Phase, Row
from training.records import record
from training.records.record import read_json
from training.results import figures, headline_table
from training.results.codec import tables
from training.results.tables import TABLES

FIXED = tuple(Row("fixed", "jpeg", quality) for quality in (5, 40, 90))
PHASES = (
    Phase("plain encoding", (Row("clean"), *FIXED, Row("plain", "jpeg"), Row("bisect", "jpeg"))),
    Phase("resized", (Row("bisect", "jpeg", resize=True), Row("jnd", "jpeg", resize=True))),
    Phase("jnd", (Row("jnd", "jpeg"),)),
    Phase("search", (Row("search", "jpeg"), Row("search", "jpeg", resize=True))),
    Phase("left out", (Row("search", "webp"), Row("magic", "jpeg"))),
)


def short(method, steps=3):
    """The method itself, closed after so many of the steps that tell their best file."""

    @wraps(method.run)
    def run(trials, resize):
        told = 0
        with closing(method.run(trials, resize)) as work:
            for step in work:
                yield step
                told += hasattr(step, "best")
                if told == steps:
                    return

    return replace(method, run=run, formats=("jpeg",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photos):
    """Two photos of two sizes, as PNG."""
    place = tmp_path_factory.mktemp("photos")
    images = []
    for pixels in (photos["chelsea"][40:240, 60:310], photos["coffee"][:200, :180]):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        images.append({"image": {"bytes": stream.getvalue(), "path": "photo.png"}})
    parquet.write_table(pa.Table.from_pylist(images), place / "test-00000-of-00001.parquet")
    return place


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    return outside(tmp_path_factory.mktemp("outside") / "unseen")


def reduced(patch):
    """A small plan with a search of a few steps; a JOD of the first photo only."""
    patch.setattr(run, "PHASES", PHASES)
    patch.setitem(methods.METHODS, "search", short(methods.METHODS["search"]))
    first = dict.fromkeys(("bisect", "bisect, resized", "jnd", "search", "search, resized"), 1)
    patch.setattr(plan, "FIRST", {f"jpeg, {name}": count for name, count in first.items()})
    patch.setattr(run, "JUDGED", 1)
    patch.setattr(run, "jod_is_there", lambda: True)
    patch.setattr(subject, "measure", lambda *_: ({"jod": 9.5}, []))  # it takes seconds
    patch.setattr(compared, "RESAMPLES", 20)


def evaluate(folder, runs, unseen, count=None, only=None):
    command = "python -m training evaluate codec"
    path = run.evaluate_codec(folder, None, count, runs, unseen, command, only=only, workers=1)
    return read_json(path)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, folder, unseen):
    """The folder of results and runs of a whole evaluation."""
    place = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        reduced(patch)
        patch.setattr(record, "RESULTS", place / "results")
        evaluate(folder, place / "runs", unseen)
    return place


@pytest.fixture
def published(evaluated, monkeypatch):
    reduced(monkeypatch)
    monkeypatch.setattr(record, "RESULTS", evaluated / "results")
    return record.published(run.NAME)


def line(result, row):
    return next(each for each in result["rows"] if {**each, **row.settings} == each)


def test_every_row_is_measured_and_a_method_that_is_missing_is_named(published):
    assert published["missing"] == []
    assert published["not_supported"] == ["jpeg, jnd, resized", "webp, search", "jpeg, magic"]
    assert [row["n"] for row in published["rows"]] == [2, 2, 2, 2, 2, 1, 1, 1, 1, 1]
    assert published["unseen"] == ["toy"]


def test_the_numbers_belong_together(published, folder):
    low, _, high = (line(published, row) for row in FIXED)
    assert low["bytes"] < high["bytes"] < high["bytes_original"]
    assert low["psnr_db"] < high["psnr_db"]
    assert low["ssim"] < high["ssim"] < 1
    assert (low["jod"], low["jod_n"]) == (9.5, 1)
    names = ("plain", "bisect", "jnd", "search")
    plain, bisect, jnd, searched = (line(published, Row(name, "jpeg")) for name in names)
    resized = line(published, Row("bisect", "jpeg", resize=True))
    half = line(published, Row("search", "jpeg", resize=True))
    for row in (plain, bisect, jnd, searched, resized, half):
        assert row["solved"] == row["rca"] == row["all_classifiers_keep"] == 1
        assert 0 <= row["unseen"]["toy"]["rca"] <= 1
    assert bisect["bytes"] <= plain["per_photo"]["bytes"][0]
    assert resized["bytes"] < bisect["bytes"]
    assert half["bytes"] <= resized["bytes"]
    assert searched["bytes"] <= bisect["bytes"]
    assert half["scale"] <= resized["scale"] < bisect["scale"] == searched["scale"] == 1
    assert 0 < resized["ssim"] < 1  # enlarged, it can be compared
    smallest = plain["per_photo"]["bytes_progressive"]
    assert all(np.array(smallest) <= plain["per_photo"]["bytes"])
    assert jnd["rule"]["holds"] in (0, 1)  # of one photo
    assert jnd["rule"]["bytes"] > 0
    assert jnd["rule"]["n"] == 1
    assert bisect["seconds"] > 0
    assert bisect["processor_seconds"] > 0
    ways = list(zip(searched["per_photo"]["path"], searched["per_photo"]["bytes"], strict=True))
    assert any(path for path, _ in ways)
    for path, size in ways:
        assert path is None or path[-1][0] == size
        assert all(word[:3] == "111" for _, word in path or ())
    with Image.open(io.BytesIO(first_file(folder))) as image:
        expected = FORMATS["jpeg"].encode(
            np.asarray(image), subject.Setting(40, "4:2:0", image.size)
        )[0]
    assert line(published, FIXED[1])["per_photo"]["bytes"][0] == len(expected.data)


def first_file(folder):
    (path,) = folder.glob("*.parquet")
    return parquet.read_table(path).to_pylist()[0]["image"]["bytes"]


def test_nothing_is_measured_again(published, evaluated, folder, unseen, monkeypatch, tmp_path):
    def fails(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr(subject.Subject, "measured", fails)
    for runs in (evaluated / "runs", tmp_path):  # from the photos, from the result
        assert evaluate(folder, runs, unseen) == published


def test_a_stopped_evaluation_goes_on(folder, unseen, tmp_path, monkeypatch):
    calls, measured = [], subject.Subject.measured

    def stopping(self, row, jod):
        if len(calls) == 3:
            calls.append(None)
            raise KeyboardInterrupt
        calls.append((row, self.photo.pixels.shape))
        return measured(self, row, jod)

    monkeypatch.setattr(run, "PHASES", (Phase("fixed", (Row("clean"), *FIXED[:1])),))
    monkeypatch.setattr(subject.Subject, "measured", stopping)
    monkeypatch.setattr(run, "jod_is_there", lambda: False)
    with pytest.raises(KeyboardInterrupt):
        evaluate(folder, tmp_path, unseen, count=2)
    result = evaluate(folder, tmp_path, unseen, count=2)
    assert len(calls) == len({*calls}) == 5
    assert (tmp_path / "codec" / f"{run.NAME}.json").is_file()  # a look is not published
    assert line(result, FIXED[0])["jod"] is None


def test_what_decides_a_row_is_in_its_key(published, folder, unseen, monkeypatch, tmp_path):
    bench = run.Bench(folder, None, subject.Place(None, unseen, tmp_path))
    before = {row: bench.row_key(row) for row in (FIXED[0], Row("plain", "jpeg"))}
    monkeypatch.setattr(run.bisect, "PATIENCE", 9)
    bench.decided.cache_clear()
    assert bench.row_key(FIXED[0]) == before[FIXED[0]]
    assert bench.row_key(Row("plain", "jpeg")) != before[Row("plain", "jpeg")]


def test_a_format_that_is_not_written_here_is_left_out(monkeypatch):
    def fails(self):
        raise SetupError("none")

    assert plan.supported(Row("fixed", "avif", 5))
    monkeypatch.setattr(type(FORMATS["avif"]), "check_available", fails)
    assert not plan.supported(Row("fixed", "avif", 5))
    assert plan.supported(Row("clean"))


def test_the_plan_is_whole():
    rows = [row for phase in plan.PHASES for row in phase.rows]
    assert len({row.name for row in rows}) == len(rows)
    assert {row.method for row in rows} == set(run.METHOD_VERSIONS["codec"])
    assert set(plan.FIRST) <= {row.name for row in rows}


def test_what_cannot_be_evaluated_is_one_line(folder, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no row of the plan has 'typo'"):
        evaluate(folder, tmp_path, tmp_path / "none", only="typo")
    monkeypatch.setenv("JND_WEIGHTS", "hub")
    with pytest.raises(DataError, match="JND_WEIGHTS is set"):
        evaluate(folder, tmp_path, tmp_path / "none")


def test_the_tables_say_what_the_result_says(published, tmp_path, monkeypatch):
    for row in published["rows"]:
        if row["method"] in ("plain", "bisect", "jnd", "search"):
            assert f"| {row['bytes']:,.0f} ± " in TABLES["codec"]()
    assert "| JPEG | `bisect`, resized | 1 |" in TABLES["codec"]()
    (jnd,) = (row for row in published["rows"] if row["method"] == "jnd")
    assert f"of {100 * jnd['rule']['holds']:.1f} % of the photos" in TABLES["codec"]()
    for row in published["savings"]:
        assert f"| {100 * row['plain']['ratio']:.1f} % |" in TABLES["codec"]()
    partly = published | {"missing": ["webp, quality 5", "webp, quality 7", "webp, plain"]}
    assert "not measured: webp, fixed qualities; webp, plain; jpeg, jnd, resized (" in tables.note(
        partly
    )
    assert "jpeg, magic (not offered)" in TABLES["codec"]()
    for row in published["savings"]:
        for each in row["against_one_quality"]:
            assert f"{100 * each['saved']:.1f} % ± " in TABLES["codec_saved"]()
    assert "toy, plain" in TABLES["codec_unseen"]()
    (row,) = headline_table.compression()
    assert row[0].startswith("smallest JPEG")
    assert "figures/codec.png" in TABLES["codec_first"]()
    assert "JPEG 1" in TABLES["codec_figure"]()
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    path = figures.save(figures.trade_off(published), "codec.png")
    with Image.open(path) as image:
        assert min(image.size) > 200
    lacking = published | {"unseen": [], "unseen_note": "there is none"}
    monkeypatch.setattr(record, "published", lambda _: lacking)
    assert TABLES["codec_unseen"]() == "Not measured: there is none."


def test_before_it_is_measured_the_tables_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    assert TABLES["codec_saved"]().startswith("Not measured yet")
    assert TABLES["codec_first"]() == ""
    assert headline_table.compression() == []


def test_one_thread_opens_the_generator_with_the_panel(monkeypatch):
    opened = []
    monkeypatch.setattr(subject.jnd, "machine", lambda panel: opened.append((panel, threads())))
    machines = subject.Machines(None, None)
    assert opened == [(machines.panel, 1)]


def test_what_each_way_of_the_rule_says():
    rule = {"holds": False, "bytes": 900, "multiple": None, "bytes_at_multiple": None}
    none = summary.ruled([rule])
    assert (none["holds"], none["bytes"], none["n"]) == (0, 900, 0)
    assert tables.multiple(none) == "no multiple of them does"
    held = {"holds": True, "bytes": 100, "multiple": 1.5, "bytes_at_multiple": 80}
    both = summary.ruled([rule, held])
    assert (both["holds"], both["bytes"], both["n"]) == (0.5, 500, 1)
    assert "1.50, the median of 1 photos" in tables.multiple(both)
