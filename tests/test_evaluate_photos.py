"""The machine JND on photos: what is measured of three small ones, resumed, drawn and tabulated."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from onnx_models import outside
from PIL import Image
from pyarrow import parquet

from training.data.labelled import DataError
from training.evaluate.photo import distortions, plan, run, showcase
from training.evaluate.photo.plan import CLEAN, GENERATOR, KEEPING, VERIFIED, Phase, Row
from training.records import record
from training.records.record import read_json
from training.results import figures, headline_table, photo_tables
from training.results.tables import TABLES

WEAKER = Row("homogeneity", "generator, 3/9", ninths=3)
NOISE = plan.controls(GENERATOR, ("gaussian noise",))[0]
SEARCH = replace(plan.SEARCH[0], first=1)
FUTURE = Row("verified", "verified, magic", options=(("magic", True),))
PHASES = (
    Phase(
        "generator",
        2,
        (
            CLEAN,
            GENERATOR,
            KEEPING,
            WEAKER,
            NOISE,
            Row("strength", "generator at 0.4", strength=0.4, first=2),
            Row("level", "jpeg, 1", control="jpeg", amount=1.0),
        ),
    ),
    Phase("verified", 2, (VERIFIED[0], FUTURE, *plan.controls(VERIFIED[0], ("blur",)))),
    Phase("search", 1, (SEARCH,)),
)
NAMES = ("chelsea", "coffee", "cup")


def row_of(pixels: np.ndarray, name: str) -> dict:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return {
        "image": {"bytes": stream.getvalue(), "path": f"{name}.png"},
        "label": 285,
        "name": name,
        "author": f"A. [{name}] Smith",
        "url": f"https://example.org/{name}_(1)",
        "license": "CC BY 2.0",
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photos):
    """Three photos of two sizes with labels and credits."""
    place = tmp_path_factory.mktemp("photos")
    cup = photos["coffee"][:200, :230]
    pictures = (photos["chelsea"][:200, :250], cup, cup[:, ::-1])
    rows = [row_of(pixels, name) for pixels, name in zip(pictures, NAMES, strict=True)]
    parquet.write_table(pa.Table.from_pylist(rows), place / "test-00000-of-00001.parquet")
    return place


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    return outside(tmp_path_factory.mktemp("outside") / "unseen")


def reduced(patch):
    """A small plan, and a search of one step."""
    patch.setattr(run, "PHASES", PHASES)
    for module in (run, distortions):
        patch.setattr(module, "SECONDS", 0.0)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, folder, unseen):
    """The folder of results and runs of a whole evaluation."""
    place = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        reduced(patch)
        patch.setattr(record, "RESULTS", place / "results")
        evaluate(folder, place / "runs", unseen)
    return place


def evaluate(folder, runs, unseen, count=None, sections=None):
    command = "python -m training evaluate photos"
    return run.evaluate_photos(folder, None, count, runs, unseen, command, sections)


@pytest.fixture
def published(evaluated, monkeypatch):
    reduced(monkeypatch)
    monkeypatch.setattr(record, "RESULTS", evaluated / "results")
    return read_json(evaluated / "results" / "machine_photos.json")


def line(result, row):
    return next(each for each in result["rows"] if each["name"] == row.name)


def test_every_row_is_measured(published):
    assert published["missing"] == []
    assert published["not_supported"] == [FUTURE.name]
    assert [row["name"] for row in published["rows"]] == [
        row.name for phase in PHASES for row in phase.rows if row is not FUTURE
    ]
    assert {row["section"] for row in published["rows"]} == {"clean", *distortions.SECTIONS}
    strength = [row["n"] for row in published["rows"] if row["section"] == "strength"]
    assert (strength, line(published, GENERATOR)["n"], line(published, SEARCH)["n"]) == ([2], 3, 1)
    assert str(published["data"]).endswith("test, 3 photos")


def test_the_numbers_belong_together(published):
    clean, full = line(published, CLEAN), line(published, GENERATOR)
    members = published["members"]
    assert {*clean["accuracy"]} == {*members, "toy"}
    assert clean["accuracy"][members[0]]["top_1"] >= 1 / 3  # the cat is an Egyptian cat
    assert full["psnr_db"] == pytest.approx(line(published, NOISE)["psnr_db"], abs=0.05)
    assert line(published, NOISE)["reached_share"] == 1
    assert full["psnr_db"] < line(published, KEEPING)["psnr_db"]
    assert line(published, WEAKER)["psnr_db"] > full["psnr_db"] + 6
    assert line(published, WEAKER)["unseen"] == {}
    sure = line(published, VERIFIED[0])
    assert sure["verified"] == sure["rca"] == sure["all_classifiers_keep"] == 1
    assert sure["seconds"] > 0
    assert 0 <= sure["unseen"]["toy"]["rca"] <= 1
    assert line(published, SEARCH)["search_seconds"] > 0


def test_nothing_is_measured_again(published, evaluated, folder, unseen, monkeypatch, tmp_path):
    def fails(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr(run, "measured", fails)
    monkeypatch.setattr(run, "draw", lambda *_: published["shown"])
    for runs in (evaluated / "runs", tmp_path):  # from the blocks, from the result
        assert read_json(evaluate(folder, runs, unseen))["rows"] == published["rows"]


def test_a_stopped_evaluation_goes_on(folder, tmp_path, monkeypatch):
    calls, measured = [], run.measured

    def stopping(subject, block, row, earlier):
        if len(calls) == 3:
            calls.append(None)
            raise KeyboardInterrupt
        calls.append((row.name, block.at))
        return measured(subject, block, row, earlier)

    monkeypatch.setattr(run, "PHASES", (Phase("generator", 1, (CLEAN, GENERATOR, NOISE)),))
    monkeypatch.setattr(run, "measured", stopping)
    with pytest.raises(KeyboardInterrupt):
        evaluate(folder, tmp_path, tmp_path / "none", count=2)
    path = evaluate(folder, tmp_path, tmp_path / "none", count=2)
    assert path == tmp_path / "machine_photos" / "machine_photos.json"  # a look is not published
    assert len(calls) == len({*calls}) == 7
    result = read_json(path)
    assert result["missing"] == []
    assert "no classifier outside" in result["unseen_note"]
    assert [row["n"] for row in result["rows"]] == [2, 2, 2]


def test_the_figures_show_the_photos_and_the_tables_name_their_makers(published, evaluated):
    places = [evaluated / "results" / "figures" / name for name in (showcase.PAIRS, showcase.FIRST)]
    for path in places:
        assert path.stat().st_size <= 250_000
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert min(image.size) > 200
    assert [photo["name"] for photo in published["shown"]] == list(NAMES)
    first, six = TABLES["photo_first"](), TABLES["photo_figures"]()
    assert r"[A. \[chelsea\] Smith](https://example.org/chelsea_%281%29), CC BY 2.0" in first
    for name in NAMES:
        assert rf"\[{name}\] Smith" in six


def test_the_tables_say_what_the_result_says(published, tmp_path, monkeypatch):
    main = TABLES["photos"]()
    for row in published["rows"]:
        if row["section"] in ("generator", "verified", "search", "control"):
            assert f"{100 * row['rca']:.1f} %" in main
            assert f"{row['psnr_db']:.2f} ± " in main
    assert "white noise as strong as: generator" in main
    assert "blur as near as it gets to: verified" in main
    assert f"| {published['members'][0]} | " in TABLES["photo_members"]()
    assert TABLES["photo_homogeneity"]().count("–") == 7  # of nine, of the refined row
    assert "toy keeps" in TABLES["photo_unseen"]()
    assert "verified" in headline_table.photos()[0][0]
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    path = figures.draw_photos_trade_off(published)
    with Image.open(path) as image:
        assert min(image.size) > 200


def test_before_it_is_measured_the_documents_do_without(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    assert TABLES["photo_first"]() == ""
    assert "Not measured yet" in TABLES["photos"]()
    assert headline_table.photos() == []


def test_without_other_classifiers_the_table_says_why(published, monkeypatch):
    lacking = published | {"unseen": [], "unseen_note": "there is none"}
    monkeypatch.setattr(photo_tables, "photos_result", lambda: lacking)
    assert TABLES["photo_unseen"]() == "Not measured: there is none."


def test_what_cannot_be_evaluated_is_one_line(folder, tmp_path, monkeypatch):
    wrong = outside(tmp_path / "wrong", classes=10)
    with pytest.raises(DataError, match=r"toy\.onnx gives"):
        evaluate(folder, tmp_path, wrong)
    with pytest.raises(DataError, match="no section typo: choose from clean"):
        evaluate(folder, tmp_path, wrong, sections=["typo"])
    monkeypatch.setenv("JND_WEIGHTS", "hub")
    with pytest.raises(DataError, match="JND_WEIGHTS is set"):
        evaluate(folder, tmp_path, wrong)
