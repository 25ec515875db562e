"""Noise at the human JND of a grey picture: grey, and within the threshold of each channel."""

from __future__ import annotations

import numpy as np
import pytest

from engine.human.injection import inject, level_for_psnr
from engine.metrics.quality import psnr_8bit


def test_noise_of_a_grey_picture_is_grey_and_within_every_threshold():
    grey = np.repeat(np.random.default_rng(0).integers(60, 190, (9, 8, 1), np.uint8), 3, axis=2)
    jnd = np.full((9, 8, 3), (5, 4, 20), np.float32)
    noisy = inject(grey, jnd, 1.0, seed=1)
    assert (noisy == noisy[:, :, :1]).all()
    assert (np.abs(noisy.astype(int) - grey) == 4).all()
    level = level_for_psnr(grey, jnd, 30.0, seed=1)
    assert psnr_8bit(grey, inject(grey, jnd, level, seed=1)) == pytest.approx(30, abs=0.5)
    grey[0, 0] = (60, 61, 60)  # one pixel of colour: not a grey picture
    assert (np.abs(inject(grey, jnd, 1.0, seed=1).astype(int) - grey)[..., 2] == 20).all()
