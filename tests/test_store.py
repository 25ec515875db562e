"""The store of measurements: a key decides, files come and go, and names of files mean nothing."""

from __future__ import annotations

import json

import pytest

from training.records import store as module
from training.records.store import KEY, Entry, Store, from_row, mark, origin

DECIDED = {"attack": {"name": "ours", "version": 1}, "margins": (0.1, 0.2), "seed": 0}


def never():
    raise AssertionError("measured again")


def test_what_was_measured_is_measured_once(tmp_path):
    store = Store(tmp_path, "cloak")
    assert store.find(DECIDED) is None
    first = store.measured(DECIDED, lambda: {"psnr_db": 40.0})
    again = Store(tmp_path, "cloak").measured(DECIDED, never)
    assert again == first
    assert again.value == {"psnr_db": 40.0}
    assert Store(tmp_path, "panel").find(DECIDED) is None  # another kind


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"margins": (0.1, 0.3)},
        {"attack": {"name": "ours", "version": 2}},
        {"weights": "another digest"},
    ],
)
def test_whatever_decides_has_it_measured_anew(tmp_path, change):
    store = Store(tmp_path, "cloak")
    store.keep(DECIDED, 1)
    assert store.find(DECIDED | change) is None


def test_the_order_of_a_key_and_tuples_mean_nothing():
    turned = dict(reversed(DECIDED.items())) | {"margins": [0.1, 0.2]}
    assert mark(turned) == mark(DECIDED)


def test_a_published_row_serves_where_the_runs_are_lost(tmp_path):
    kept = Store(tmp_path / "runs", "cloak").keep(DECIDED, {"psnr_db": 40.0})
    published = json.loads(json.dumps({"rows": [kept.row(), {"psnr_db": 9.0}]}))
    entries = map(from_row, published["rows"])  # the second does not say what decided it
    store = Store(tmp_path / "elsewhere", "cloak", entries)
    assert store.measured(DECIDED, never) == kept
    assert len(store.published) == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_killed_write_leaves_nothing_that_counts(tmp_path, monkeypatch):
    from pathlib import Path

    def killed(*_):
        raise KeyboardInterrupt

    store = Store(tmp_path, "cloak")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store.keep(DECIDED, 1)
    assert store.find(DECIDED) is None
    assert store.measured(DECIDED, lambda: 2).value == 2


def test_other_packages_and_hardware_are_recorded_but_decide_nothing(tmp_path, monkeypatch):
    first = Store(tmp_path, "cloak").keep(DECIDED, 1)
    monkeypatch.setattr(module, "versions", lambda: {"torch": "9.9"})
    monkeypatch.setattr(module, "hardware", lambda: "an abacus")
    store = Store(tmp_path, "cloak")
    assert store.measured(DECIDED, never) == first
    second = store.keep(DECIDED | {"seed": 1}, 2)
    assert second.versions == {"torch": "9.9"}
    together = origin([first, second])
    assert together["versions"] == [first.versions, {"torch": "9.9"}]
    assert "an abacus" in together["hardware"]
    assert origin([second]) == {"hardware": "an abacus", "versions": {"torch": "9.9"}}


def test_a_row_is_its_value_with_its_provenance():
    entry = Entry(module.plain(DECIDED), {"n": 3}, "two cores", {"torch": "2"})
    assert from_row(entry.row()) == entry
    assert entry.row()[KEY]["margins"] == [0.1, 0.2]
