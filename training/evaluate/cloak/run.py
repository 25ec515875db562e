"""Every method on the same photos of LFW: what it changes, what it costs, whether it holds.

The rows are those of `training.evaluate.cloak.plan`. A success is a verdict of
`engine.cloak.verdict` on the bytes of the PNG.

Long work in small pieces: a batch of photos is one entry of `training.records.store`, and what is
there is not computed again. After every row results/cloak_lfw.json is written from the finished
rows and names those that are missing. A row that is in that file is kept as it is, as long as what
decided it is the same (`training.evaluate.cloak.keys`); it says on which hardware it was measured,
for that changes the seconds, and of the rest only what the last bits of a number can. Batches run
side by side, one process with one thread for each core: seconds_per_photo is the throughput of one
core. What a person waits for, one photo alone on all cores, is measured at the end.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from engine.cloak.face import Cloak
from engine.cloak.jobs import Cloaked, Job
from engine.cloak.sight import Sight, eye
from engine.images.picture import decode
from engine.system.threads import available_cores

from ...data.lfw import publish
from ...records.record import RESULTS, published
from ...records.store import Entry, Store, from_row, origin, plain
from .enrolment import PEOPLE, digest, enrolled, recalled
from .keys import REPORTED, jnd_weights, row_keys, waiting
from .metrics import seen, summary
from .onlooker import Onlooker
from .plan import BATCH, SEED, TIMED_PHOTOS, Row, plan, row, timed

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
        self.cloak = Cloak(eye(REPORTED))
        self.gallery, self.subjects = recalled(setting.gallery, self.cloak)
        self.onlooker = None if setting.onlooker is None else Onlooker(setting.onlooker)
        self.sights: dict[tuple[str, int], Sight] = {}
        self.clean: dict[int, tuple] = {}

    @property
    def digest(self) -> str:
        return digest(self.gallery, self.subjects)

    def sight(self, jnd: str, number: int) -> Sight:
        """J of a photo, by a model's name; computed here, not while a method's clock runs."""
        if (jnd, number) not in self.sights:
            found = Sight(eye(jnd), self.subjects[number].pixels)
            found.part()
            self.sights[jnd, number] = found
        return self.sights[jnd, number]

    def job(self, line: Row, number: int) -> Job:
        """What a row asks of a photo."""
        subject = self.subjects[number]
        own, _ = self.described(number)
        goal = line.goal(self.gallery, self.subjects, number, own)
        return Job(subject.pixels, subject.face, goal, self.sight(line.jnd, number))

    def described(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The clean photo to dlib, and to the onlooker."""
        if number not in self.clean:
            pixels, face = self.subjects[number].pixels, self.subjects[number].face
            other = self.onlooker and self.onlooker.describe(pixels, face)
            self.clean[number] = self.cloak.finder.describe(pixels, face), other
        return self.clean[number]

    def batch(self, line: Row, numbers: list[int]) -> list[dict]:
        """These photos, cloaked together and measured."""
        jobs = [self.job(line, number) for number in numbers]
        lasting = line.protocol == "lasting"
        *_, results = self.cloak.run(jobs, line.choices, lasting=lasting, seed=SEED)
        measured = zip(numbers, jobs, results, strict=True)
        return [self.measure(number, job, done) for number, job, done in measured]

    def measure(self, number: int, job: Job, done: Cloaked) -> dict:
        """One photo's numbers, those of the eye on the decoded PNG."""
        after = decode(done.png).pixels
        clean, other = self.described(number)
        verdict = done.verdict
        found = {
            "photo": number,
            "success": verdict.reached,
            "agree": verdict.agree,
            "distance": verdict.distance,
            "distances": verdict.distances,
            "versions_reached": {
                each.version: job.goal.reached(each.descriptor) for each in verdict.seen
            },
            "moved": float(np.linalg.norm(verdict.seen[0].descriptor - clean)),
            "attempts": done.attempts,
            "gradients": done.gradients,
            "seconds": done.seconds,
        }
        jnd = self.sight(REPORTED, number).part()
        found |= seen(job.pixels, after, jnd, job.face)
        if other is not None:
            now = self.onlooker.describe(after, verdict.seen[0].face)
            found["unseen_similarity"] = float(other @ now)
        return found

    def wait(self, line: Row, number: int) -> dict:
        """How long one photo takes alone, its J included."""
        fresh = self.cloak if line.jnd == REPORTED else Cloak(eye(line.jnd))
        known = self.job(line, number)
        job = replace(known, sight=fresh.sight(known.pixels))
        started = time.perf_counter()
        *_, (done,) = fresh.run([job], line.choices, lasting=line.protocol == "lasting", seed=SEED)
        return {"seconds": time.perf_counter() - started, "success": done.verdict.reached}


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


@contextmanager
def side_by_side(workers: int) -> Iterator[Callable]:
    """A map over batches in so many processes; in this one where that is one.

    They end with this one, also when it is told to by SIGTERM.
    """
    if workers == 1:
        yield lambda work, *arguments: map(work, *arguments)
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool.map
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        signal.signal(signal.SIGTERM, before)


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
    first = Cloak(eye(REPORTED))
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
        alone.sight(line.jnd, 0)  # loads the model of the eye
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
