"""The smallest files that the panel still understands, on photos that nothing was trained on.

`python -m training evaluate codec`: the rows of `plan`, on the photos' own size. A row of one photo
is one entry of `training.records.store`, so a stopped evaluation goes on where it was, and what is
changed is measured alone. Photos run side by side, one process with one thread for each core:
seconds are of one core. After every phase of the plan the result is written, from the rows that are
finished; it names those that are missing, and `compared` makes the comparisons from them.
"""

from __future__ import annotations

import sys
import time
from functools import cache, partial
from pathlib import Path

from PIL import features

from engine.compress.formats import FORMATS
from engine.compress.methods import bisect, moves, search
from engine.compress.methods.rows import METHODS
from engine.metrics.perceptual import colour_video_vdp
from engine.models.registry import PANELS
from engine.system.threads import threads

from ...data.labelled import DataError
from ...data.photographs import load_photographs
from ...records import record
from ...records.keys import constants, digest_of, digest_of_text
from ...records.log import log
from ...records.shipped import digest, digests
from ...records.store import Entry, Store, from_row, origin, plain
from ...records.versions import METHOD_VERSIONS, metrics
from ...train.photo.pictures import HELD_OUT
from ..cloak.processes import side_by_side
from ..photo.run import LEFT_OUT
from ..photo.subject import GENERATOR
from ..weights import check_weights
from .compared import curves, outside_at_equal_bytes, savings
from .plan import CLEAN, FIXED, JUDGED, PHASES, SEED, SHRINK, Phase, Row, supported
from .subject import KIND, Place, machines, measure_photo
from .summary import summary

NAME = "codec_nips17"  # of the result
MEMBERS = PANELS["photos"].members
LIBRARIES = {"jpeg": "jpg", "webp": "webp", "avif": "avif"}  # as Pillow names what encodes
REPORTED = 20  # photos after which a line says how far it is


def evaluate_codec(
    data: Path,
    weights: Path | None,
    count: int | None,
    runs: Path,
    unseen: Path,
    command: str,
    *,
    only: str | None = None,
    workers: int | None = None,
) -> Path:
    """-> results/codec_nips17.json.

    data: a folder of `training.data.photographs`; of a train split only the photos held out of the
    generator's training are taken. count: only the first photos, for a look: then the result is in
    RUNS/codec. unseen: a folder of ONNX classifiers outside the panel; where it is missing the
    result says so. only: compute just the rows whose name contains this, beside what is measured.
    workers: processes, by default one for each thread that may be used. Raises DataError.
    """
    check_weights(weights)
    if only and not any(only in row.name for phase in PHASES for row in phase.rows):
        raise DataError(f"no row of the plan has {only!r} in its name")
    note = None if any(unseen.glob("*.onnx")) else LEFT_OUT.format(unseen.name)
    if note:
        log(note)
    bench = Bench(data, count, Place(weights, None if note else unseen, runs))
    with side_by_side(workers or threads()) as spread:
        for phase in PHASES:
            bench.run(phase, only, spread)
            path = bench.write(command, note)
    return path


class Bench:
    """The rows of an evaluation: measured, recalled, written."""

    def __init__(self, data: Path, count: int | None, place: Place):
        self.photos = load_photographs(data, count, last_of_train=HELD_OUT)
        self.place = place
        self.folder = record.RESULTS if count is None else place.runs / KIND
        self.machines = machines(place.weights, place.unseen)
        self.before = record.published(NAME, self.folder)
        self.store = Store(place.runs, KIND, map(from_row, self.before.get("rows", [])))
        self.digests = [digest_of([photo.pixels]) for photo in self.photos.photos]

    @property
    def members(self) -> tuple[str, ...]:
        return self.machines.panel.classifiers

    def count(self, row: Row) -> int:
        """Of how many photos a row is."""
        return min(len(self.photos), row.first)

    def key(self, row: Row, number: int) -> dict:
        """Under which a row of one photo is kept."""
        return self.decided(row) | {
            "photo": self.digests[number],
            "file_bytes": self.photos.photos[number].file_bytes,
            "jod": number < JUDGED and row.method != CLEAN and jod_is_there(),
        }

    def row_key(self, row: Row) -> dict:
        """Under which the whole row is kept."""
        count = self.count(row)
        photos = "".join(self.digests[:count])
        sizes = [photo.file_bytes for photo in self.photos.photos[:count]]
        jod = min(count, JUDGED) if jod_is_there() else 0
        return self.decided(row) | {
            "photos": digest_of_text(f"{photos} {sizes}"),
            "n": count,
            "jod": jod,
        }

    # One bench lives as long as the evaluation.
    @cache  # noqa: B019
    def decided(self, row: Row) -> dict:
        """What decides a row beside its photos: models, settings, versions."""
        sessions = self.machines.unseen.items()
        models = (*MEMBERS, GENERATOR) if row.method == "jnd" else MEMBERS
        return row.settings | {
            "version": METHOD_VERSIONS["codec"][row.method],
            "engine": engine(row),
            "weights": {model: digest(self.place.weights, model) for model in models},
            "unseen": {name: session.located.sha256 for name, session in sessions},
            "metrics": metrics("rca", "psnr", "ssim", "jod"),
        }

    def finished(self, row: Row) -> Entry | None:
        """A row of all its photos; None where some are not measured yet."""
        key = self.row_key(row)
        if found := self.store.find(key):
            return found
        done = []
        for number in range(self.count(row)):
            done.append(self.store.find(self.key(row, number)))
            if done[-1] is None:
                return None
        photos = [entry.value for entry in done]
        value = summary(row, photos, self.members, tuple(self.machines.unseen))
        return Entry(plain(key), value, **origin(done))

    def run(self, phase: Phase, only: str | None, spread) -> None:
        """Measure what is missing of a phase, photo by photo: what its rows share is made once.

        spread: a map over photos, `side_by_side`.
        """
        rows = [row for row in phase.rows if supported(row) and (not only or only in row.name)]
        rows = [row for row in rows if self.finished(row) is None]
        photos, jobs = [], []
        for number, photo in enumerate(self.photos.photos):
            keys = [(row, self.key(row, number)) for row in rows if number < self.count(row)]
            missing = [(row, key) for row, key in keys if self.store.find(key) is None]
            if missing:
                photos.append(photo)
                jobs.append(missing)
        started = time.monotonic()
        for done, _ in enumerate(spread(partial(measure_photo, self.place), photos, jobs), 1):
            if done % REPORTED == 0 or done == len(photos):
                took = time.monotonic() - started
                log(f"{phase.name}: {done} of {len(photos)} photos, {took:.0f} s")

    def write(self, command: str, note: str | None) -> Path:
        """The result from what is finished by now."""
        rows = [row for phase in PHASES for row in phase.rows]
        every = {row: self.finished(row) for row in rows if supported(row)}
        found = {row: entry for row, entry in every.items() if entry is not None}
        values = [entry.value for entry in found.values()]
        unseen = tuple(self.machines.unseen)
        return record.write(
            NAME,
            command=command,
            data=self.photos.source,
            weights=digests(self.place.weights, *MEMBERS, GENERATOR),
            sections={
                **origin(found.values()),
                "encoders": {name: features.version(key) for name, key in LIBRARIES.items()},
                "seed": SEED,
                "threads": 1,
                "n": len(self.photos),
                "members": list(self.members),
                "unseen": list(unseen),
                "unseen_note": note,
                "missing": [row.name for row in every if row not in found],
                "not_supported": [row.name for row in rows if row not in every],
                "savings": savings(values, len(self.members)),
                "outside_at_equal_bytes": outside_at_equal_bytes(values, len(self.members), unseen),
                "curves": curves(values, len(self.members)),
                "rows": [entry.row() for entry in found.values()],
            },
            folder=self.folder,
        )


def engine(row: Row) -> dict:
    """The engine's settings that decide a row."""
    if row.format is None:
        return {}
    format = FORMATS[row.format]
    settings = {"options": format.options, "subsampling": format.subsamplings[0]}
    if row.method == FIXED:
        return settings
    settings["plain"] = constants(bisect)
    if row.method not in METHODS:
        return settings
    method = METHODS[row.method]
    settings["method"] = constants(sys.modules[method.run.__module__])
    if method.gradients:
        settings |= {"moves": constants(moves), "shrink": SHRINK}
    if row.method == "faithful":
        settings["search"] = constants(search)
    return settings


@cache
def jod_is_there() -> bool:
    """Whether JOD can be measured here."""
    try:
        colour_video_vdp()
    except (ImportError, OSError):
        return False
    return True
