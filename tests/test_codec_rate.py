"""The fit of the constants by which a search estimates bits."""

from __future__ import annotations

import numpy as np
import pytest

from engine.compress.jpeg import rate
from training.evaluate.codec.rate import CONSTANTS, ZEROED, features, fit, residual
from training.records.record import RESULTS, read_json


@pytest.fixture
def planes():
    random = np.random.default_rng(0)
    sizes = ((6, 8), (3, 4), (3, 4))
    return tuple(np.rint(random.laplace(0, 1, (*size, 8, 8))) for size in sizes)


def test_features_times_constants_are_the_estimate(planes):
    used = [getattr(rate, name) for name in CONSTANTS]
    assert features(planes) @ [*used, 1] == pytest.approx(rate.estimate(planes))


def test_a_fit_finds_the_constants_that_made_the_bits():
    random = np.random.default_rng(1)
    rows = random.uniform(10, 1000, (60, len(CONSTANTS) + 1))
    true = np.array([3.0, 1.1, 0.7, 2.9, 2330.0])
    bits = rows @ np.append(true, 1)
    assert fit(rows, bits) == pytest.approx(true)
    assert residual(rows, bits, true) == pytest.approx(0)
    assert residual(rows, bits, 1.1 * true) > 0.01


def test_what_is_published_is_of_the_constants_that_are_used():
    result = read_json(RESULTS / "codec_rate.json")
    used = {row["name"]: row["used"] for row in result["constants"]}
    assert used == {name: getattr(rate, name) for name in CONSTANTS}
    assert result["residual_fitted"] <= result["residual_used"] < 0.05
    assert result["zeroed"] == list(ZEROED)
