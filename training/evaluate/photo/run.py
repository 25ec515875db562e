"""The machine JND on photos of a source that nothing was trained on.

`python -m training evaluate photos`: the rows of `plan`, on the photos' own size. A block of photos
of a row is one entry of `training.records.store`, so a stopped evaluation goes on where it was, and
what is changed is measured alone. After every phase of the plan the result is written, from the
rows that are finished; it names those that are missing. A row that is published is kept as long as
what decided it is the same (`key_of`). What a row's photos became is not kept, so the
figures of photos are drawn here (`showcase`), the others from the result.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.machine import baselines
from engine.system.threads import threads

from ...data.labelled import DataError
from ...data.photographs import load_photographs
from ...records import record
from ...records.keys import photo_searched, refined, verified
from ...records.log import log
from ...records.shipped import digest, digests
from ...records.store import Entry, Store, from_row, origin, plain
from ...records.versions import METHOD_VERSIONS, metrics
from ...train.photo.pictures import HELD_OUT
from ..weights import check_weights
from .distortions import SECTIONS, measured, supported
from .plan import DRAWN_AFTER, PHASES, SECONDS, SEED, Phase, Row
from .showcase import draw
from .subject import GENERATOR, MODELS, PHOTOS, Subject
from .summary import summary

KIND = NAME = "machine_photos"  # of the store's entries; of the result
LEFT_OUT = "{} is not there: no classifier outside the panel is measured"


def evaluate_photos(
    data: Path,
    weights: Path | None,
    count: int | None,
    runs: Path,
    unseen: Path,
    command: str,
    chosen: Sequence[str] | None = None,
) -> Path:
    """-> results/machine_photos.json and two figures of photos.

    data: a folder of `training.data.photographs`; of a train split only the photos held out of the
    generator's training are taken. count: only the first photos, for a look: then all is written
    to RUNS/machine_photos instead. unseen: a folder of ONNX classifiers outside the panel; where it
    is missing the result says so. chosen: measure only these sections, beside what is measured.
    Raises DataError.
    """
    check_weights(weights)
    known = ("clean", *SECTIONS)
    for name in chosen or ():
        if name not in known:
            raise DataError(f"no section {name}: choose from {', '.join(known)}")
    photos = load_photographs(data, count, last_of_train=HELD_OUT)
    note = None if any(unseen.glob("*.onnx")) else LEFT_OUT.format(unseen.name)
    bench = Bench(Subject(photos, weights, None if note else unseen), runs, count is not None)
    if note:
        log(note)
    for phase in PHASES:
        bench.run(phase, chosen)
        if phase.name == DRAWN_AFTER:
            bench.shown = draw(bench.subject, bench.place / "figures")
        path = bench.write(command, note)
    return path


class Bench:
    """The rows of an evaluation: measured, recalled, written.

    look: of some photos only, so nothing is published.
    """

    def __init__(self, subject: Subject, runs: Path, look: bool):
        self.subject = subject
        self.place = runs / KIND if look else record.RESULTS
        self.before = record.published(NAME, self.place)
        self.store = Store(runs, KIND, map(from_row, self.before.get("rows", [])))
        self.shown: list[dict] = self.before.get("shown", [])

    def count(self, row: Row) -> int:
        """Of how many photos a row is."""
        return min(len(self.subject), row.first or len(self.subject))

    def key(self, row: Row, start: int, stop: int) -> dict:
        """Under which a row of these photos is kept."""
        return key_of(self.subject, row) | {
            "photos": self.subject.digest(start, stop),
            "at": [start, stop],
        }

    def blocks(self, row: Row, size: int) -> Iterator[tuple[int, int]]:
        """First photo and past the last of each block, always the same ones."""
        for start in range(0, self.count(row), size):
            yield start, min(start + size, self.count(row))

    def block(self, row: Row, start: int, stop: int) -> list[dict]:
        """A row's photos start … stop - 1: measured now or before."""

        def measure() -> list[dict]:
            earlier = self.block(row.of, start, stop) if row.of else []
            return measured(self.subject, self.subject.block(start, stop), row, earlier)

        return self.store.measured(self.key(row, start, stop), measure).value

    def finished(self, row: Row, size: int) -> Entry | None:
        """A row of all its photos; None where some are not measured yet."""
        key = self.key(row, 0, self.count(row)) | {"n": self.count(row)}
        if found := self.store.find(key):
            return found
        done = [self.store.find(self.key(row, *at)) for at in self.blocks(row, size)]
        if None in done:
            return None
        photos = [photo for entry in done for photo in entry.value]
        unseen = tuple(self.subject.unseen) if row.outside else ()
        value = summary(row, photos, self.subject.members, unseen)
        return Entry(plain(key), value, **origin(done))

    def run(self, phase: Phase, chosen: Sequence[str] | None) -> None:
        """Measure what is missing of a phase, block by block: what a block needs is made once."""
        wanted = [row for row in phase.rows if chosen is None or row.section in chosen]
        missing = [
            row
            for row in wanted
            if supported(row)
            and (row.of in (None, *wanted) or self.finished(row.of, phase.size))
            and self.finished(row, phase.size) is None
        ]
        started = time.monotonic()
        for start in range(0, max(map(self.count, missing), default=0), phase.size):
            for row in missing:
                if start < self.count(row):
                    self.block(row, start, min(start + phase.size, self.count(row)))
            done = min(start + phase.size, len(self.subject))
            log(f"{phase.name}: {done} photos, {time.monotonic() - started:.0f} s")

    def write(self, command: str, note: str | None) -> Path:
        """The result from what is finished by now."""
        every = {row: self.finished(row, phase.size) for phase in PHASES for row in phase.rows}
        found = {row: entry for row, entry in every.items() if entry is not None}
        unsupported = [row.name for row in every if not supported(row)]
        return record.write(
            NAME,
            command=command,
            data=self.subject.photos.source,
            weights=digests(self.subject.weights, *MODELS),
            sections={
                **origin(found.values()),
                "seed": SEED,
                "threads": threads(),
                "n": len(self.subject),
                "members": list(self.subject.members),
                "unseen": list(self.subject.unseen),
                "unseen_note": note,
                "missing": [
                    row.name for row in every if row not in found and row.name not in unsupported
                ],
                "not_supported": unsupported,
                "rows": [entry.row() for entry in found.values()],
                "shown": self.shown,
            },
            folder=self.place,
        )


def key_of(subject: Subject, row: Row) -> dict:
    """What decides a row beside its photos: models, settings, versions."""
    engine = {
        "control": {"halvings": baselines.HALVINGS},
        "verified": {"scale": verified(), "refined": refined()},
        "search": {
            "scale": verified(),
            "refined": refined(),
            "search": photo_searched() | {"max_seconds": SECONDS},
        },
    }
    if row.refined:
        engine[row.section] = refined()
    models = PHOTOS.members if row.section in ("clean", "level") else (*PHOTOS.members, GENERATOR)
    unseen = subject.unseen if row.outside else {}
    key = row.settings | {
        "version": METHOD_VERSIONS["photos"][row.section],
        "seed": SEED,
        "engine": engine.get(row.section, {}),
        "weights": {model: digest(subject.weights, model) for model in models},
        "unseen": {name: session.located.sha256 for name, session in unseen.items()},
        "metrics": metrics("rca", "psnr"),
    }
    return key | {"of": key_of(subject, row.of)} if row.of else key
