"""Bits saved, from rows made by hand: two members of the panel, one machine outside it."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.codec.compared import curves, outside_at_equal_bytes, savings
from training.evaluate.codec.lines import ladder_of, line_of


def made(method, size, kept, quality=None, unsolved=(), resize=False, **more):
    photos = {"bytes": size, "kept": " ".join(kept), "unsolved": list(unsolved)}
    return {
        "format": "jpeg",
        "method": method,
        "quality": quality,
        "resize": resize,
        "n": len(size),
        "solved": 1 - len(unsolved) / len(size),
        "rca": np.mean([letter == "1" for word in kept for letter in word[:2]]),
        "bytes": float(np.mean(size)),
        "per_photo": photos | more,
    }


CLEAN = {"method": "clean", "format": None, "n": 4, "agreement": {"x": 0.75}}
ROWS = [
    CLEAN,
    made("fixed", [400] * 4, ["111", "110", "110", "111"], 50),
    made("fixed", [100] * 4, ["110", "000", "000", "111"], 10),
    made("fixed", [800] * 4, ["111"] * 4, 90),
    made("plain", [100, 400, 500, 200], ["110", "111", "111", "111"]),
    made("search", [50, 100], ["110", "111"], path=[[[90, "111"], [50, "110"]], None]),
]


def test_bytes_at_an_rca_lie_between_two_qualities():
    ladder = ladder_of(ROWS, "jpeg", 2, 4)
    assert ladder.bytes.tolist() == [[100] * 4, [400] * 4, [800] * 4]
    every = np.arange(4)
    assert ladder.bytes_at(0.5, every) == (100, True)
    assert ladder.bytes_at(0.75, every) == (pytest.approx(200), True)  # halfway, by the logarithm
    assert ladder.bytes_at(1.0, every) == (pytest.approx(400), True)
    assert ladder.rate_at(200, ladder.own, every) == pytest.approx(0.75)
    assert ladder.rate_at(10, ladder.own, every) == 0.5
    assert ladder_of(ROWS[:2], "jpeg", 2, 4) is None


def test_savings_are_of_the_same_photos():
    plain, short = savings(ROWS, 2)
    whole = plain["against_one_quality"][2]
    assert (whole["rca"], whole["bytes_plain"]) == (1.0, pytest.approx(400))
    assert whole["saved"] == pytest.approx(1 - 300 / 400)
    assert whole["saved_standard_error"] is None  # the hardest photo rules the bytes
    assert plain["against_one_quality"][0]["saved_standard_error"] > 0
    # of the first two photos: 100 and 400 bytes
    assert short["against_lowest"]["n"] == 2
    assert short["against_lowest"]["saved"] == pytest.approx(1 - 150 / 500)
    assert short["against_lowest"]["saved_per_photo"] == pytest.approx(1 - (1 / 2 + 1 / 4) / 2)
    # bisection passed over a fixed quality for the third and fourth photo
    assert plain["against_smallest"]["bytes_plain"] == (100 + 400 + 400 + 100) / 4
    assert plain["against_smallest"]["saved"] == pytest.approx(1 - 1200 / 1000)


def test_where_no_quality_keeps_enough_the_highest_is_compared():
    found = savings([row for row in ROWS if row.get("quality") not in (50, 90)][:1] + ROWS[2:3], 2)
    assert found == []
    lacking = [ROWS[2], made("fixed", [800] * 4, ["011"] * 4, 90), ROWS[4]]
    (only,) = savings(lacking, 2)
    (*_, last) = only["against_one_quality"]
    assert last["bytes_plain"] is None
    assert last["saved"] == pytest.approx(1 - 300 / 800)


def test_plain_encoding_is_beside_each_row_on_its_own_photos():
    plain = made("plain", [100, 400, 500], ["111"] * 3, bytes_progressive=[90, 350, 500])
    rows = [plain, made("search", [50, 100], ["111"] * 2), made("jnd", [50] * 4, ["111"] * 4)]
    itself, short, longer = savings(rows, 2)
    assert itself["plain"]["ratio"] == 1
    assert short["plain"] == {"bytes": 250, "bytes_progressive": 220, "ratio": 0.3}
    assert longer["plain"] is None  # it is not measured of as many
    (without, *_) = savings([ROWS[4]], 2)
    assert without["plain"]["bytes_progressive"] is None


def test_resized_files_are_rows_of_their_own():
    half = made("search", [25, 75], ["111"] * 2, resize=True)
    few = made("bisect", [25], ["111"], resize=True)
    assert [(each["method"], each["resize"]) for each in savings([*ROWS, half], 2)] == [
        ("plain", False),
        ("search", False),
        ("search", True),
    ]
    (curve,) = curves([*ROWS, half, few], 2)
    assert curve["n"] == 2  # fewer photos of resized files do not make it smaller
    assert [(each["method"], each["resize"]) for each in curve["methods"]][1:] == [
        ("search", False),
        ("search", True),
    ]


def test_a_way_without_a_file_so_large_is_looked_at_where_it_is_largest():
    assert line_of(ROWS[5], 2).at(4, 2).bytes.tolist() == [90, 100]


def test_photos_without_a_file_count_where_both_have_one():
    rows = [
        made("plain", [900, 400], ["111"] * 2, unsolved=[0]),
        made("jnd", [9, 100], ["111"] * 2),
    ]
    found = savings(rows, 2)[1]
    assert found["against_lowest"]["n"] == 1
    assert found["against_lowest"]["saved"] == pytest.approx(0.75)
    assert found["against_one_quality"] == []
    assert found["against_smallest"] is None


def test_a_searched_file_on_the_way_is_compared_at_its_own_bytes():
    found = {
        (each["method"], each["factor"]): each for each in outside_at_equal_bytes(ROWS, 2, ["x"])
    }
    last, larger = found["search", 1.0], found["search", 1.5]
    assert (last["bytes"], larger["bytes"]) == (75, 95)
    assert last["bytes_plain"] == 100  # no quality is smaller
    assert (last["unseen"]["x"]["rca"], larger["unseen"]["x"]["rca"]) == (0.5, 1.0)
    assert larger["unseen"]["x"]["rca_plain"] == 0
    assert larger["unseen"]["mean"]["ahead"] == 1
    assert {name for name, _ in found} == {"plain", "search"}
    (curve,) = curves(ROWS, 2)
    assert curve["n"] == 2
    assert [each["quality"] for each in curve["plain"]] == [10, 50, 90]
    assert line_of(ROWS[5], 2).path[1] == [(100, "111")]
