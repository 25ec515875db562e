"""What does the watermark survive, and how far is it seen? `… evaluate watermark`.

The rows of `plan`; a photo of a row is one entry of `training.records.store`, so a stopped
evaluation goes on where it was. Rows whose library is not installed are left out, and the result
names them. Writes results/watermark.json.
"""

from __future__ import annotations

import time
from pathlib import Path

from engine.models.registry import HUMAN, PANELS
from engine.watermark import changes, fitting, reader, threshold
from engine.watermark.signal import carriers, message, spectrum

from ...data.labelled import DataError
from ...data.photographs import Photograph, load_photographs
from ...records import record
from ...records.keys import constants, digest_of
from ...records.log import log
from ...records.shipped import digest, digests
from ...records.store import Entry, Store, origin
from ...records.versions import METHOD_VERSIONS, metrics
from ..codec.run import jod_is_there
from ..machine_quality.photo import Machines, machines
from ..photo.run import LEFT_OUT
from ..photo.subject import MODELS
from .false_alarms import KEYS, unmarked
from .libraries import LIBRARIES
from .photo import measured
from .plan import OURS, ROWS, SEED, UNMARKED, Row
from .summary import alarms, summary

NAME = KIND = "watermark"
FORMAT = (carriers, changes, fitting, message, reader, spectrum, threshold)
MEMBERS = PANELS["photos"].members


def evaluate_watermark(
    data: Path,
    unseen: Path,
    count: int | None,
    runs: Path,
    command: str,
    *,
    only: str | None = None,
) -> Path:
    """-> results/watermark.json.

    data: a folder with the sets that `plan` names, as folders of `training.data.photographs`; a set
    that is missing is left out. unseen: a folder of ONNX classifiers outside the panel, or none
    there. count: only the first photos of each row, for a look: then the result is in
    RUNS/watermark. only: just rows whose name contains this, beside what is measured. Raises
    DataError.
    """
    if only and not any(only in row.name for row in ROWS):
        raise DataError(f"no row of the plan has {only!r} in its name")
    note = None if any(unseen.glob("*.onnx")) else LEFT_OUT.format(unseen.name)
    bench = Bench(data, count, machines(None, None if note else unseen), Store(runs, KIND))
    if not bench.sets:
        raise DataError(f"{data} has none of {', '.join(name for name, _ in UNMARKED)}")
    rows, missing = [], []
    for row in ROWS:
        entries = bench.row(row, compute=not only or only in row.name)
        rows.append((row, entries)) if entries else missing.append(row.name)
    quiet = [
        each for each in (bench.unmarked(*pair, compute=not only) for pair in UNMARKED) if each
    ]
    members, others = bench.asked.panel.classifiers, tuple(bench.asked.unseen)
    every = [entry for _, entries in rows for entry in entries]
    return record.write(
        NAME,
        command=command,
        data="; ".join(photos.source for photos in bench.sets.values()),
        weights=digests(None, *MODELS, HUMAN),
        sections={
            **origin([*every, *(entry for _, entries in quiet for entry in entries)]),
            "seed": SEED,
            "members": list(members),
            "unseen": list(others),
            "unseen_note": note,
            "libraries": {name: each.version for name, each in LIBRARIES.items()},
            "missing": missing,
            "rows": [
                summary(row, [entry.value for entry in entries], members, others)
                for row, entries in rows
            ],
            "unmarked": [
                alarms(name, [entry.value for entry in entries]) for name, entries in quiet
            ],
        },
        folder=None if count is None else runs / KIND,
    )


class Bench:
    """Photos, machines, and what is measured of them by now."""

    def __init__(self, data: Path, count: int | None, asked: Machines, store: Store):
        self.count, self.asked, self.store = count, asked, store
        names = [name for name, _ in UNMARKED if (data / name).is_dir()]
        self.sets = {name: load_photographs(data / name, count) for name in names}

    def photos(self, name: str, first: int) -> list[Photograph]:
        return list(self.sets[name].photos[:first]) if name in self.sets else []

    def row(self, row: Row, *, compute: bool) -> list[Entry]:
        """Entries of a row's photos; none where it is not, and is not to be, measured."""
        if row.method != OURS and LIBRARIES[row.method].version is None:
            return []
        photos = self.photos(row.data, row.first)
        entries = []
        for number, photo in enumerate(photos):
            wanted = self.wanted(row, photo, number)
            if row.equal is not None and wanted is None:
                return []
            key = self.key(row, photo, number, wanted)
            entry = self.store.find(key)
            if entry is None:
                if not compute:
                    return []
                started = time.monotonic()
                entry = self.store.keep(
                    key, measured(self.asked, photo.pixels, row, number, wanted)
                )
                took = time.monotonic() - started
                log(f"{row.name}: photo {number + 1} of {len(photos)}, {took:.0f} s")
            entries.append(entry)
        return entries

    def wanted(self, row: Row, photo: Photograph, number: int) -> float | None:
        """The PSNR that a photo has in the row that this one is to equal; None without one."""
        if row.equal is None:
            return None
        other = next(each for each in ROWS if each.name == row.equal)
        entry = self.store.find(self.key(other, photo, number, None))
        return None if entry is None else entry.value.get("psnr_db")

    def key(self, row: Row, photo: Photograph, number: int, wanted: float | None) -> dict:
        """Under which a photo of a row is kept."""
        if row.method == OURS:
            how = {module.__name__.rpartition(".")[2]: constants(module) for module in FORMAT}
        else:
            how = {"library": LIBRARIES[row.method].version}
        models = (*MODELS, HUMAN) if row.method == OURS else MEMBERS
        return row.settings | {
            "photo": digest_of([photo.pixels]),
            "number": number,
            "psnr_wanted_db": wanted,
            "version": METHOD_VERSIONS["watermark"],
            "how": how,
            "weights": {model: digest(None, model) for model in models},
            "unseen": {name: session.located.sha256 for name, session in self.asked.unseen.items()},
            "jod": number < row.jod and jod_is_there(),
            "metrics": metrics("rca", "psnr", "ssim", "jod"),
        }

    def unmarked(self, name: str, first: int, *, compute: bool) -> tuple[str, list[Entry]] | None:
        """A set's photos in which there is nothing to be found."""
        entries = []
        for photo in self.photos(name, first):
            key = {
                "unmarked": digest_of([photo.pixels]),
                "keys": KEYS,
                "version": METHOD_VERSIONS["watermark"],
                "how": {m.__name__.rpartition(".")[2]: constants(m) for m in FORMAT},
            }
            entry = self.store.find(key)
            if entry is None:
                if not compute:
                    return None
                entry = self.store.keep(key, unmarked(photo.pixels))
            entries.append(entry)
        return (name, entries) if entries else None
