"""The ablation's rows: one change each from the paper's settings, summed up over seeds."""

from __future__ import annotations

from itertools import pairwise

import pytest


def test_the_ablation_s_rows_add_up_from_the_paper_s_settings():
    from dataclasses import asdict

    from training.evaluate.machine.ablation import variations
    from training.train.presets import GENERATOR_PRESETS

    rows = [asdict(preset) for preset in variations().values()]
    paper = asdict(GENERATOR_PRESETS["paper"])
    loss = ("alpha", "beta", "wanted", "ramp", "weakened", "varied", "clipped", "conditioned")
    assert {key: rows[0][key] for key in loss} == {key: paper[key] for key in loss}
    for before, after in pairwise(rows):
        changed = {key for key in before if before[key] != after[key]}
        assert len(changed) == 1 or changed == {"alpha", "beta"}


def test_what_a_row_brings_is_said_seed_by_seed():
    from training.evaluate.machine import ablation

    names = list(ablation.STEPWISE)[:3]
    given = zip(names, ((0.5, 0.7), (0.6, 0.9), (None, 0.9)), strict=True)
    found = {name: [{"rca_at": one} for one in values] for name, values in given}
    first, second, third = ablation.summed_up(found)
    assert first["brings"] is None
    assert (second["rca_at"], second["brings"]) == pytest.approx((0.75, 0.15))
    assert second["brings_range"] == pytest.approx([0.1, 0.2])
    assert (third["rca_at"], third["brings"]) == (None, None)
