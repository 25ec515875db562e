"""Ordinary distortions, brought to a wanted PSNR picture by picture."""

from __future__ import annotations

import numpy as np
import pytest

from engine.images.picture import decode, to_batch
from engine.machine.baselines import CONTROLS, match_psnr
from engine.machine.jnd import load
from engine.machine.noise import noise_of_same_psnr
from engine.metrics.quality import psnr


@pytest.mark.parametrize("name", CONTROLS)
def test_the_amount_is_found_per_picture(name, crops):
    images = crops[:12]
    clean = to_batch(images)
    control = CONTROLS[name](images, 0)
    strongest = psnr(to_batch(control(images, np.ones(12))) - clean)
    wanted = np.linspace(12, 28, 12)
    found = psnr(to_batch(match_psnr(images, wanted, control)) - clean)
    reachable = strongest < wanted - 0.5
    assert reachable.any()
    # One more pixel of salt, one more step of quality, are not small at 28 dB.
    step = {"gaussian noise": 0.1, "salt and pepper": 1.5, "blur": 0.5, "jpeg": 2.5}[name]
    assert np.abs(found - wanted)[reachable].max() < step
    assert (found[~reachable] <= strongest[~reachable] + 2.5).all()


@pytest.mark.parametrize("name", CONTROLS)
def test_the_same_seed_gives_the_same_pictures(name, crops):
    wanted = np.full(4, 20.0)
    first, second = (
        match_psnr(crops[:4], wanted, CONTROLS[name](crops[:4], seed=5)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_white_noise_of_the_same_psnr_changes_labels(photos):
    machine = load(None, "cpu")
    result = machine(photos["chelsea"])
    noise = noise_of_same_psnr(machine, result)
    assert noise.psnr_db == pytest.approx(result.psnr_db, abs=0.1)
    np.testing.assert_array_equal(decode(noise.png).pixels, noise.pixels)
    assert [label.before for label in noise.labels] == [label.before for label in result.labels]
    assert [label.confidence_before for label in noise.labels] == pytest.approx(
        [label.confidence_before for label in result.labels]
    )
    assert sum(label.before == label.after for label in noise.labels) < len(noise.labels)
