"""Every method on the same photos of LFW: what it changes, what it costs, whether it holds.

The rows are those of `training.evaluate.cloak.plan`. A success is a verdict of
`engine.cloak.judge.verdict` on the bytes of the PNG.

Long work in small pieces: a batch of photos is one entry of `training.records.store`, and what is
there is not computed again. After every row results/cloak_lfw.json is written from the finished
rows and names those that are missing. A row that is in that file is kept as it is, as long as what
decided it is the same (`training.evaluate.cloak.keys`); it says on which hardware it was measured,
for that changes the seconds, and of the rest only what the last bits of a number can. Batches run
side by side, one process with one thread for each core: seconds_per_photo is the throughput of one
core. What a person waits for, one photo alone on all cores, is measured at the end.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from engine.cloak.face import Cloak
from engine.cloak.judge.versions import EXACT, LASTING
from engine.cloak.state import FaceState
from engine.cloak.threshold import ThresholdMap, threshold_model
from engine.images.picture import decode
from engine.system.threads import available_cores

from ...data.lfw import publish
from ...records.record import RESULTS, published
from ...records.store import Entry, Store, from_row, origin, plain
from .enrolment import PEOPLE, digest, enrolled, recalled
from .held_out_recogniser import Onlooker
from .keys import REPORTED, jnd_weights, row_keys, waiting
from .metrics import seen, summary
from .plan import BATCH, SEED, TIMED_PHOTOS, Row, plan, row, timed
from .processes import side_by_side

KIND = "cloak"  # of entries of the store: a batch's photos, a row's sums, a latency


@dataclass(frozen=True)
class Setting:
    """What every process needs to know. onlooker: its file, or None where it is missing."""

    gallery: Path
    onlooker: Path | None
    runs: Path
    threads: int


class Bench:
    """The gallery, the photos, and a cloak, as one process holds them."""

    def __init__(self, setting: Setting):
        torch.set_num_threads(setting.threads)
        self.setting = setting
        self.cloak = Cloak(threshold_model(REPORTED))
        self.gallery, self.subjects = recalled(setting.gallery, self.cloak)
        self.onlooker = None if setting.onlooker is None else Onlooker(setting.onlooker)
        self.thresholds: dict[tuple[str, int], ThresholdMap] = {}
        self.clean: dict[int, tuple] = {}

    @property
    def digest(self) -> str:
        return digest(self.gallery, self.subjects)

    def threshold(self, jnd: str, number: int) -> ThresholdMap:
        """J of a photo, by a model's name; computed here, not while a method's clock runs."""
        if (jnd, number) not in self.thresholds:
            threshold = ThresholdMap(threshold_model(jnd), self.subjects[number].pixels)
            threshold.part()
            self.thresholds[jnd, number] = threshold
        return self.thresholds[jnd, number]

    def state(self, line: Row, number: int) -> FaceState:
        """The face of a photo, with the goal of a row."""
        subject = self.subjects[number]
        own, _ = self.described(number)
        goal = line.goal(self.gallery, self.subjects, number, own)
        return FaceState(subject.pixels, subject.face, goal, self.threshold(line.jnd, number))

    def described(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The clean photo to dlib, and to the onlooker."""
        if number not in self.clean:
            pixels, face = self.subjects[number].pixels, self.subjects[number].face
            other = self.onlooker and self.onlooker.describe(pixels, face)
            self.clean[number] = self.cloak.finder.describe(pixels, face), other
        return self.clean[number]

    def batch(self, line: Row, numbers: list[int]) -> list[dict]:
        """These photos, cloaked together and measured."""
        states = [self.state(line, number) for number in numbers]
        standard = LASTING if line.protocol == "lasting" else EXACT
        for _ in self.cloak.run(states, line.choices, standard=standard, seed=SEED):
            pass
        return [self.measure(*each) for each in zip(numbers, states, strict=True)]

    def measure(self, number: int, state: FaceState) -> dict:
        """One photo's numbers, those of the eye on the decoded PNG."""
        after = decode(state.png).pixels
        clean, other = self.described(number)
        verdict = state.verdict
        found = {
            "photo": number,
            "success": verdict.reached,
            "agree": verdict.agree,
            "distance": verdict.distance,
            "distances": verdict.distances,
            "versions_reached": {
                each.version: state.goal.reached(each.confirmed) for each in verdict.looks
            },
            "moved": float(np.linalg.norm(verdict.looks[0].confirmed["dlib"] - clean)),
            "attempts": state.attempts,
            "gradients": state.gradients,
            "seconds": state.seconds,
        }
        jnd = self.threshold(REPORTED, number).part()
        found |= seen(state.photo, after, jnd, state.face)
        if other is not None:
            now = self.onlooker.describe(after, verdict.looks[0].face)
            found["unseen_similarity"] = float(other @ now)
        return found

    def wait(self, line: Row, number: int) -> dict:
        """How long one photo takes alone, its J included."""
        fresh = self.cloak if line.jnd == REPORTED else Cloak(threshold_model(line.jnd))
        state = self.state(line, number)
        state.threshold = fresh.threshold(state.photo)
        standard = LASTING if line.protocol == "lasting" else EXACT
        started = time.perf_counter()
        for _ in fresh.run([state], line.choices, standard=standard, seed=SEED):
            pass
        return {"seconds": time.perf_counter() - started, "success": state.reached}


@cache
def bench(setting: Setting) -> Bench:
    return Bench(setting)


def cloak_batch(setting: Setting, line: Row, key: dict) -> int:
    """One batch of the store, if it is not there yet; returns how many photos."""
    numbers = key["photos"]
    Store(setting.runs, KIND).measured(key, lambda: bench(setting).batch(line, numbers))
    return len(numbers)


def batches(line: Row, photos: int) -> list[list[int]]:
    """The row's photos in batches, always the same ones."""
    count = min(photos, line.photos or photos)
    return [list(range(at, min(at + BATCH, count))) for at in range(0, count, BATCH)]


def evaluate_cloak(
    data: str,
    onlooker: Path | None,
    count: int | None,
    command: str,
    runs: Path,
    *,
    only: str | None = None,
    workers: int | None = None,
    people: int = PEOPLE,
) -> Path:
    """The rows of `plan` -> results/cloak_lfw.json, of all rows that are finished by then.

    count: only the first photos, in whole batches, for a look; the JSON is then in runs/cloak/.
    only: compute just the rows whose name contains this. workers: processes, by default one for
    each core. people: in the gallery.
    """
    if onlooker is not None and not onlooker.is_file():
        onlooker = None
    first = Cloak(threshold_model(REPORTED))
    setting = Setting(enrolled(data, first, runs, people), onlooker, runs, threads=1)
    here = bench(setting)
    photos = len(here.subjects)
    if count is not None:
        photos = min(photos, -(-count // BATCH) * BATCH)
    place = RESULTS if count is None else runs / "cloak"
    before = published("cloak_lfw", place)
    store = Store(runs, KIND, map(from_row, [*before.get("rows", []), *before.get("latency", [])]))
    keys = {line: row_keys(line, here.digest, onlooker) for line in plan()}

    def whole(line: Row) -> int:
        return min(photos, line.photos or photos)

    def parts(line: Row) -> list[dict]:
        """The keys of the row's batches, as they are measured now."""
        return [keys[line][-1] | {"photos": batch} for batch in batches(line, photos)]

    def finished(line: Row) -> Entry | None:
        """Its row of the table; None where it is not measured yet."""
        found = store.find(*(key | {"n": whole(line)} for key in keys[line]))
        if found is None:
            found = summed_up(line, keys[line][-1], [store.find(part) for part in parts(line)])
        return found

    def waited(line: Row) -> Entry | None:
        """Its row of the table of latencies; None where it is not measured yet."""
        return store.find(*map(waiting, keys[line]))

    def write() -> Path:
        every = {line: finished(line) for line in plan()}
        found = {line: entry for line, entry in every.items() if entry is not None}
        waits = [entry for line in timed() if (entry := waited(line)) is not None]
        rows = [entry.row() | {"sample": line.sample} for line, entry in found.items()]
        sections = {
            **origin([*found.values(), *waits]),
            "seed": SEED,
            "batch": BATCH,
            "threads": setting.threads,
            "people": len(here.gallery.names),
            "photos": photos,
            "photos_passed_over": sum(subject.skipped for subject in here.subjects),
            "temperature": here.gallery.temperature,
            "beyond_jnd_of": REPORTED,
            "jnd_weights": jnd_weights(entry.key for entry in found.values()),
            "missing": sorted({line.name for line in plan() if line not in found}),
            "latencies_missing": len(timed()) - len(waits),
            "rows": rows,
            "latency": [entry.row() for entry in waits],
        }
        return publish("cloak_lfw", command, sections, folder=place)

    with side_by_side(workers or available_cores()) as spread:
        for line in plan():
            if (only is not None and only not in line.name) or finished(line) is not None:
                continue
            started, done = time.monotonic(), 0
            for number in spread(partial(cloak_batch, setting, line), parts(line)):
                done += number
                took = time.monotonic() - started
                print(f"{line.name}: {done} photos, {took:.0f} s", file=sys.stderr, flush=True)
            write()
    if only is None and count is None:
        lacking = {line: waiting(keys[line][-1]) for line in timed() if waited(line) is None}
        time_all(setting, lacking, store)
    return write()


def summed_up(line: Row, key: dict, done: list[Entry | None]) -> Entry | None:
    """A row from its batches; None where one is missing."""
    if None in done:
        return None
    photos = [photo for batch in done for photo in batch.value]
    return Entry(plain(key | {"n": len(photos)}), summary(line, photos), **origin(done))


def time_all(setting: Setting, lacking: dict[Row, dict], store: Store) -> None:
    """These rows, one photo at a time on all cores, each to the store under its key."""
    if not lacking:
        return
    alone = Bench(Setting(setting.gallery, None, setting.runs, available_cores()))
    alone.wait(row("ddn", "closed-set"), 0)  # what is only slow once is not counted
    for line, key in lacking.items():
        alone.threshold(line.jnd, 0)  # loads the model of the eye
        found = [alone.wait(line, number) for number in range(TIMED_PHOTOS)]
        seconds = [each["seconds"] for each in found]
        entry = {
            "method": line.method,
            "protocol": line.protocol,
            "own": line.own,
            "jnd": line.jnd,
            "n": len(found),
            "threads": available_cores(),
            "seconds": float(np.mean(seconds)),
            "seconds_std": float(np.std(seconds)),
            "success": float(np.mean([each["success"] for each in found])),
        }
        store.keep(key, entry)
