"""Compression of photos: what is measured of two small ones, resumed; tables and the figure."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from onnx_models import outside
from PIL import Image
from pyarrow import parquet

from engine.compress.formats import FORMATS
from engine.compress.methods import rows as methods
from engine.compress.methods.search import search
from engine.errors import SetupError
from training.data.labelled import DataError
from training.evaluate.codec import compared, plan, run, subject
from training.evaluate.codec.plan import Phase, Row
from training.records import record
from training.records.record import read_json
from training.results import figures
from training.results.codec import tables
from training.results.tables import TABLES

FIXED = tuple(Row("fixed", "jpeg", quality) for quality in (5, 40, 90))
PHASES = (
    Phase("plain encoding", (Row("clean"), *FIXED, Row("plain", "jpeg"), Row("bisect", "jpeg"))),
    Phase("search", (Row("steps", "jpeg"), Row("steps", "webp"), Row("magic", "jpeg"))),
)


def steps(trials, resize):
    """A search of three steps, as a method."""
    best = None
    for step in search(trials.kept, trials.kept.panel, trials.format, steps=3):
        best = step.best
        yield step
    if best is not None:
        trials.offer(best)


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
    """A small plan with a short search as another method; a JOD of the first photo only."""
    patch.setattr(run, "PHASES", PHASES)
    patch.setitem(methods.METHODS, "steps", methods.Method(steps, ("jpeg",), False, True))
    patch.setitem(run.METHOD_VERSIONS["codec"], "steps", 1)
    patch.setattr(plan, "FIRST", {("jpeg", "bisect"): 1, ("jpeg", "steps"): 1})
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
    assert published["not_supported"] == ["webp, steps", "jpeg, magic"]
    assert [row["n"] for row in published["rows"]] == [2, 2, 2, 2, 2, 1, 1]
    assert published["unseen"] == ["toy"]


def test_the_numbers_belong_together(published, folder):
    low, _, high = (line(published, row) for row in FIXED)
    assert low["bytes"] < high["bytes"] < high["bytes_original"]
    assert low["psnr_db"] < high["psnr_db"]
    assert low["ssim"] < high["ssim"] < 1
    assert (low["jod"], low["jod_n"]) == (9.5, 1)
    plain, bisect, short = (
        line(published, Row(name, "jpeg")) for name in ("plain", "bisect", "steps")
    )
    for row in (plain, bisect, short):
        assert row["solved"] == row["rca"] == row["all_classifiers_keep"] == 1
        assert 0 <= row["unseen"]["toy"]["rca"] <= 1
    assert bisect["bytes"] <= plain["per_photo"]["bytes"][0]
    assert bisect["seconds"] > 0
    assert bisect["processor_seconds"] > 0
    ways = list(zip(short["per_photo"]["path"], short["per_photo"]["bytes"], strict=True))
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


def test_what_cannot_be_evaluated_is_one_line(folder, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no row of the plan has 'typo'"):
        evaluate(folder, tmp_path, tmp_path / "none", only="typo")
    monkeypatch.setenv("JND_WEIGHTS", "hub")
    with pytest.raises(DataError, match="JND_WEIGHTS is set"):
        evaluate(folder, tmp_path, tmp_path / "none")


def test_the_tables_say_what_the_result_says(published, tmp_path, monkeypatch):
    for row in published["rows"]:
        if row["method"] in ("plain", "bisect", "steps"):
            assert f"| {row['bytes']:,.0f} ± " in TABLES["codec"]()
    partly = published | {"missing": ["webp, quality 5", "webp, quality 7", "webp, plain"]}
    assert "not measured: webp, fixed qualities; webp, plain; webp, steps (" in tables.note(partly)
    assert "jpeg, magic (not offered)" in TABLES["codec"]()
    for row in published["savings"]:
        for each in row["against_one_quality"]:
            assert f"{100 * each['saved']:.1f} % ± " in TABLES["codec_saved"]()
    assert "toy, plain" in TABLES["codec_unseen"]()
    assert "JPEG 1" in TABLES["codec_figure"]()
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    path = figures.save(figures.trade_off(published), "codec.png")
    with Image.open(path) as image:
        assert min(image.size) > 200
    lacking = published | {"unseen": [], "unseen_note": "there is none"}
    monkeypatch.setattr(tables.record, "published", lambda _: lacking)
    assert TABLES["codec_unseen"]() == "Not measured: there is none."


def test_before_it_is_measured_the_tables_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    assert TABLES["codec_saved"]() == tables.MISSING
