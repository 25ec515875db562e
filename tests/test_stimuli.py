"""Noise of one energy and several shapes, for viewers to compare."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import UsageError
from engine.human.stimuli import FLAT, ORIGINAL, stimulus
from engine.metrics.quality import psnr_8bit

CROP = (slice(60, 188), slice(40, 168))


@pytest.mark.parametrize("kind", [FLAT, "chou1995", "wu2017"])
def test_every_kind_has_the_same_energy(photos, kind):
    pixels = np.ascontiguousarray(photos["coffee"][CROP])
    noisy = stimulus(pixels, kind, 30.0)
    assert noisy.dtype == np.uint8
    assert psnr_8bit(pixels, noisy) == pytest.approx(30, abs=0.05)
    np.testing.assert_array_equal(noisy, stimulus(pixels, kind, 30.0))
    assert (noisy != stimulus(pixels, kind, 30.0, seed=1)).any()


def spread(change: np.ndarray) -> float:
    """How unevenly a change is spread over blocks of 8×8: std over mean of their energies."""
    blocks = (change**2).reshape(16, 8, 16, 8, 3).mean((1, 3, 4))
    return float(blocks.std() / blocks.mean())


def test_a_model_places_noise_where_flat_noise_does_not(photos):
    pixels = np.ascontiguousarray(photos["coffee"][CROP])
    flat, shaped = (
        spread(stimulus(pixels, kind, 30.0).astype(float) - pixels) for kind in (FLAT, "wu2017")
    )
    assert shaped > 2 * flat


def test_the_original_is_the_original(photos):
    assert stimulus(photos["coffee"], ORIGINAL, 30.0) is photos["coffee"]


def test_an_unknown_kind_is_refused(photos):
    with pytest.raises(UsageError, match="choose from original, flat, chou1995"):
        stimulus(photos["coffee"], "magic", 30.0)
