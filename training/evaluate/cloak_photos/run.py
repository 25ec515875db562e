"""Every method on the same photos, against a photo classifier: `evaluate cloak-photos`.

The rows are those of `training.evaluate.cloak_photos.plan`. The classifiers are given a photo at
224×224, and there it is attacked, so that every number is of a picture of that size. A success is
what the exported graphs predict of the 8-bit picture, read back from its PNG.

Each batch of photos is one entry of `training.records.store`: what is there is not computed again,
and after every row the JSON is written from the finished ones and names those that are missing.
Batches run side by side, one process with one thread for each core: seconds are of one core.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

from engine.models.locate import locate
from engine.models.registry import MODELS
from engine.system.threads import available_cores

from ...records.keys import attack_key, digest_of, jnd_key
from ...records.record import RESULTS, published, write
from ...records.store import Entry, Store, from_row, origin, plain
from ...records.versions import metrics
from ..cloak.keys import jnd_weights
from ..cloak.metrics import means
from ..cloak.processes import side_by_side
from .plan import ATTACKED, BATCH, BUDGET, COUNT, PANEL, SEED, Row, plan
from .subject import MARGIN, REPORTED, Setting, bench

NAME = "cloak_photos"  # of the result
KIND = "cloak-photos"  # of entries of the store: a batch's photos
MEASURED = ("psnr", "ssim", "delta_e", "beyond_jnd", "jod")
LIMITS = (40, 50, 60)  # dB: the share of the photos that succeed without a lower PSNR


def row_key(line: Row, weights: Path | None, pixels: np.ndarray) -> dict:
    """What decides the row, or a batch of it, on these photos uint8 n×H×W×3."""
    return {
        "attack": attack_key(line.choices) | {"row": line.method},
        "targeted": line.targeted,
        "attacked": line.attacked,
        "panel": {each: locate(each, weights).sha256 for each in PANEL},
        "images": digest_of(pixels),
        "n": len(pixels),
        "budget": line.budget,
        "seed": SEED,
        "margin": MARGIN,
        "jnd": jnd_key(line.jnd),
        "reported": jnd_key(REPORTED),
        "metrics": metrics(*MEASURED),
    }


def batch_key(setting: Setting, line: Row, numbers: list[int]) -> dict:
    """Of one batch of a row; its target labels depend on the photos' numbers."""
    pixels = bench(setting).photos.pixels[numbers]
    return row_key(line, setting.weights, pixels) | {"photos": numbers}


def attack_batch(setting: Setting, runs: Path, line: Row, numbers: list[int]) -> int:
    """One batch to the store, if it is not there yet; returns how many photos."""
    here = bench(setting)
    store = Store(runs, KIND)
    store.measured(batch_key(setting, line, numbers), lambda: here.batch(line, numbers))
    return len(numbers)


def summary(line: Row, photos: list[dict]) -> dict:
    """One row of the table: means over the photos that succeeded, rates over all."""
    won = [photo for photo in photos if photo["success"]]
    success, n = len(won) / len(photos), len(photos)
    gradients = [photo["gradients"] for photo in photos]
    chosen = line.choices
    row = {
        "method": line.method,
        "targeted": line.targeted,
        "attacked": list(line.attacked),
        "jnd": line.jnd,
        "source": chosen.source,
        "budget": {"rounds": chosen.tuning.rounds, "steps": chosen.steps, "gradients": line.budget},
        "n": n,
        "success": success,
        "success_standard_error": float(np.sqrt(success * (1 - success) / n)),
        "success_at_db": {
            str(limit): sum(photo["psnr_db"] >= limit for photo in won) / n for limit in LIMITS
        },
        "gradients": float(np.mean(gradients)),
        "gradients_std": float(np.std(gradients)),
        "seconds_per_photo": float(np.mean([photo["seconds"] for photo in photos])),
    }
    if won:
        others = won[0]["transfer"]
        row["transfer"] = {
            name: float(np.mean([photo["transfer"][name] for photo in won])) for name in others
        }
    return row | means(won)


def evaluate_cloak_photos(
    data: Path,
    weights: Path | None,
    count: int | None,
    command: str,
    runs: Path,
    *,
    only: str | None = None,
    workers: int | None = None,
) -> Path:
    """The rows of `plan` -> results/cloak_photos.json, of all rows that are finished by then.

    data: folder of parquet files, `training.data.photographs`. count: only so many photos, for a
    look; the JSON is then in runs/cloak-photos/. only: compute just the rows whose name contains
    this. workers: processes, by default one for each core. Raises DataError, WeightsError.
    """
    setting = Setting(data, weights, count or COUNT, threads=1)
    photos = bench(setting).photos
    place = RESULTS if count is None else runs / KIND
    store = Store(runs, KIND, map(from_row, published(NAME, place).get("rows", [])))
    lines = plan(len(photos.pixels))

    def finished(line: Row) -> Entry | None:
        """Its row of the table; None where a batch is not measured yet."""
        key = row_key(line, weights, photos.pixels[: line.photos])
        found = store.find(key)
        if found is None:
            done = [store.find(batch_key(setting, line, batch)) for batch in line.batches]
            if None not in done:
                values = [photo for batch in done for photo in batch.value]
                found = Entry(plain(key), summary(line, values), **origin(done))
        return found

    def report() -> Path:
        every = {line.name: finished(line) for line in lines}
        entries = [entry for entry in every.values() if entry is not None]
        sections = {
            **origin(entries),
            "seed": SEED,
            "photos": len(photos.pixels),
            "photos_passed_over": photos.passed_over,
            "size": photos.pixels.shape[1],
            "attacked": ATTACKED,
            "panel": list(PANEL),
            "budget": BUDGET,
            "batch": BATCH,
            "threads": setting.threads,
            "margin": MARGIN,
            "beyond_jnd_of": REPORTED,
            "jnd_weights": jnd_weights(entry.key for entry in entries),
            "missing": [name for name, entry in every.items() if entry is None],
            "rows": [entry.row() for entry in entries],
        }
        return write(
            NAME,
            command=command,
            data=photos.source,
            weights={MODELS[each].file: locate(each, weights).sha256 for each in PANEL},
            sections=sections,
            folder=place,
        )

    with side_by_side(workers or available_cores()) as spread:
        for line in lines:
            if (only is not None and only not in line.name) or finished(line) is not None:
                continue
            started = time.monotonic()
            done = sum(spread(partial(attack_batch, setting, runs, line), line.batches))
            took = time.monotonic() - started
            print(f"{line.name}: {done} photos, {took:.0f} s", file=sys.stderr, flush=True)
            report()
    return report()
