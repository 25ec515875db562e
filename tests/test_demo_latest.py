"""Which inputs of a page are the latest, and that work for others does not begin."""

from __future__ import annotations

import pytest

from demo.server.visitors import current_order, current_page
from demo.ui.changes import Latest, key

gr = pytest.importorskip("gradio")


def test_an_older_request_records_nothing():
    latest = Latest()
    tokens = current_page.set("one"), current_order.set(7)
    try:
        latest.record("new")
        current_order.set(6)
        latest.record("old")
        assert latest.is_current("new")
        current_order.set(None)  # a program, which numbers nothing
        latest.record("newest")
        assert latest.is_current("newest")
        current_order.set(6)
        latest.record("old")
        assert latest.is_current("newest")
        current_order.set(8)
        latest.record("old")
        assert latest.is_current("old")
    finally:
        current_page.reset(tokens[0])
        current_order.reset(tokens[1])


def test_work_whose_turn_comes_too_late_does_not_begin():
    latest, begun = Latest(), []

    def work(photo, level, request):
        begun.append((photo, level))
        yield "at work", "a result"

    steps = latest.skipping(work, ["photo", "level"], ["status", "result"])
    token = current_page.set("one")
    try:
        latest.record("photo", 2)
        assert list(steps("photo", 1, "request")) == [(gr.skip(), gr.skip())]
        assert begun == []
        assert list(steps("photo", 2, "request")) == [("at work", "a result")]
        assert begun == [("photo", 2)]
    finally:
        current_page.reset(token)


def test_what_is_chosen_last_holds():
    latest, photo = Latest(), {"path": "/a", "url": "b"}
    token = current_page.set("one")
    try:
        assert latest.is_current(photo, 1)  # nothing has been chosen: nothing is older
        latest.record(photo, 1)
        assert latest.is_current({"path": "/a"}, 1)
        assert not latest.is_current(photo, 2)
        current_page.set("two")
        latest.record(photo, 2)
        current_page.set("one")
        assert latest.is_current(photo, 1)
    finally:
        current_page.reset(token)
    assert key([{"file": photo, "name": "a"}]) != key([{"file": {"path": "/b"}, "name": "a"}])
    assert key([photo, None, ["a"]]) == key([{"path": "/a"}, None, ["a"]])
    for k in range(1100):
        token = current_page.set(str(k))
        latest.record(k)
        current_page.reset(token)
    assert len(latest._of) == 1000
