"""What was measured, kept under all that decides it: one store for every evaluation.

A key is a plain dict of names, versions, settings and digests (`training.records.keys`), nothing
that depends on where code lies. An entry is what was measured under it, on which hardware and with
which packages: these decide seconds and last bits, and so are recorded but are no part of the key.

Entries live in RUNS/measured, one file each, written whole or not at all: a stopped evaluation goes
on. Where RUNS is lost, the published rows serve: they carry their keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .record import hardware, read_json, versions, write_json

KEY, MADE_WITH = "decided_by", "made_with"  # of a published row; beside them "hardware"


def plain(key: dict) -> dict:
    """The key as JSON gives it back: lists for tuples, strings for the names of a dict."""
    return json.loads(json.dumps(key))


def mark(key: dict) -> str:
    """A short name of the key, whatever the order of its entries."""
    whole = json.dumps(plain(key), sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Entry:
    """What was measured under a key, where, and with which packages."""

    key: dict
    value: Any
    hardware: str
    versions: dict[str, str]

    def row(self) -> dict:
        """The value, a dict, as a published row."""
        return self.value | self.provenance()

    def provenance(self) -> dict:
        return {"hardware": self.hardware, MADE_WITH: self.versions, KEY: self.key}


def from_row(row: dict, value: Any = None) -> Entry | None:
    """The entry of a published row; None where it carries no key.

    value: what was measured, by default the row without its provenance.
    """
    if KEY not in row:
        return None
    if value is None:
        value = {k: v for k, v in row.items() if k not in (KEY, MADE_WITH, "hardware")}
    return Entry(row[KEY], value, row["hardware"], row[MADE_WITH])


def without_key(key: dict, value: Any, result: dict, recorded: dict[str, object]) -> Entry | None:
    """The entry of a result that was published before its numbers carried keys.

    key: under which it would be measured today. It was measured under the same, if that is of
    version 1 and if everything that the result recorded of it, top-level parts of the JSON by
    name, is what it would be today (`recorded`). None otherwise.
    """
    if key["version"] != 1 or KEY in result:
        return None
    if any(name not in result or result[name] != now for name, now in plain(recorded).items()):
        return None
    return Entry(plain(key), value, result["hardware"], result["versions"])


class Store:
    """Entries of one kind in RUNS/measured/KIND and, where it lacks one, among those published."""

    def __init__(self, runs: Path, kind: str, published: Iterable[Entry | None] = ()):
        self.folder = runs / "measured" / kind
        self.published = {mark(entry.key): entry for entry in published if entry is not None}

    def path(self, key: dict) -> Path:
        return self.folder / f"{mark(key)}.json"

    def find(self, *keys: dict) -> Entry | None:
        """The entry of the first key that has one; None where there is none."""
        for key in keys:
            entry = self.published.get(mark(key)) or self._stored(key)
            if entry is not None:
                return entry
        return None

    def _stored(self, key: dict) -> Entry | None:
        path = self.path(key)
        if not path.is_file():
            return None
        stored = read_json(path)
        return Entry(stored[KEY], stored["value"], stored["hardware"], stored[MADE_WITH])

    def keep(self, key: dict, value: Any) -> Entry:
        """Write what was measured under the key, just now, in this process."""
        entry = Entry(plain(key), value, hardware(), versions())
        write_json(self.path(key), {"value": value} | entry.provenance())
        return entry

    def measured(self, key: dict, measure: Callable[[], Any]) -> Entry:
        """What was measured under the key before; else `measure()`, kept."""
        return self.find(key) or self.keep(key, measure())


def origin(entries: Iterable[Entry]) -> dict:
    """Hardware and packages of all entries, for the head of a result."""
    entries = list(entries)
    where = sorted({entry.hardware for entry in entries}) or [hardware()]
    packages: list[dict] = []
    for entry in entries:
        if entry.versions not in packages:
            packages.append(entry.versions)
    return {
        "hardware": " and ".join(where),
        "versions": packages[0] if len(packages) == 1 else packages or versions(),
    }
