"""How an attack finds its knob: by bisection, by the paper's schedule, from an easier problem."""

from __future__ import annotations

import pytest
import torch
import toy_classifier
from toy_classifier import problem_on

from engine.attack.loop import Search, last
from engine.attack.methods import method
from engine.attack.methods.ours import ROUNDS
from engine.attack.problem import Earlier
from engine.attack.tuning import Bisect, Knobs, Lower

toy, pictures = toy_classifier.toy, toy_classifier.pictures


def test_the_smallest_knob_is_found_by_bisection():
    tuning = Bisect(first=2.0, rounds=20, precise=1.01, limit=100)
    knobs = Knobs(tuning, 3, torch.device("cpu"))
    needed = torch.tensor([0.3, 7.0, 1000.0])
    for _ in range(tuning.rounds):
        if not knobs.open.any():
            break
        knobs.update(knobs.knob >= needed)
    torch.testing.assert_close(knobs.high[:2], needed[:2], rtol=0.02, atol=0)
    assert knobs.high[2].isinf()
    whole = Bisect(first=2.0, rounds=20, unit=1.0)
    knobs = Knobs(whole, 2, torch.device("cpu"))
    for _ in range(whole.rounds):
        if not knobs.open.any():
            break
        knobs.update(knobs.knob >= needed[:2])
    assert knobs.high.tolist() == [1.0, 7.0]


def test_what_failed_on_an_easier_problem_is_not_tried_again():
    tuning = Bisect(first=2.0, rounds=8, unit=1.0)
    knobs = Knobs(tuning, 2, torch.device("cpu"))
    knobs.after(torch.tensor([5.0, 3.0]), torch.tensor([4.0, 2.0]))
    needed, tried = torch.tensor([5.0, 4.0]), []
    while knobs.open.any():
        tried.append(torch.where(knobs.open, knobs.knob, torch.nan).tolist())
        knobs.update(knobs.knob >= needed)
    assert knobs.high.tolist() == [5.0, 4.0]
    assert [pair[0] for pair in tried][:1] == [5.0]
    assert all(not pair[0] < 5 and not pair[1] < 3 for pair in tried)


def test_a_harder_problem_begins_where_the_easier_one_ended(toy, pictures):
    easy = Search(problem_on(toy, pictures), method("pgd", False))
    last(easy.steps())
    earlier = Earlier(easy.best, easy.knob, easy.knobs.low)
    hard = Search(problem_on(toy, pictures, margin=0.05), method("pgd", False), earlier=earlier)
    assert last(hard.steps()).found.all()
    assert (hard.knob >= easy.knob).all()
    assert hard.gradients.sum() < easy.gradients.sum()
    ours = method("ours", False)
    search = Search(problem_on(toy, pictures, margin=0.05), ours, earlier=earlier)
    assert last(search.steps()).found.all()
    assert (search.gradients == (ours.again or ours.steps) + ROUNDS).all()  # the polish's as well


@pytest.mark.parametrize("first", [30.0, 1500.0])
def test_the_papers_schedule_finds_the_first_that_succeeds(first):
    by = first / 30
    tuning = Lower(first=first, by=by)
    needed = torch.tensor([2000.0, 28.5 * by, 17 * by, 3.2 * by, 0.0, -1.0])  # the largest that do
    tried = []
    knobs = tuning.begin(6, torch.device("cpu"))
    for _ in range(tuning.rounds):
        tried.append(torch.where(knobs.open, knobs.knob, torch.nan))
        knobs.update(knobs.knob <= needed)
    assert not knobs.open.any()
    torch.testing.assert_close(knobs.low, torch.tensor([30.0, 28, 17, 3, 0, -1]) * by)
    tried = torch.stack(tried)
    assert (~tried.isnan()).sum(0)[0] == 1  # success at once ends it
    assert (~tried.isnan()).sum(0).max() <= 7  # instead of 31
    again = tuning.begin(2, torch.device("cpu"))
    again.after(torch.tensor([28 * by, 0.0]), torch.zeros(2))
    again.update(torch.tensor([True, False]))
    assert not again.open.any()
