"""Does the machine quality predict machines that were not asked? `… evaluate machine-quality`.

Photos under ten distortions at five levels; the panel is asked, and the classifiers of `--unseen`
are what is to be predicted. A photo is one entry of `training.records.store`, so a stopped
evaluation goes on where it was. Writes results/machine_quality.json.
"""

from __future__ import annotations

import time
from pathlib import Path

from engine.models.registry import PANELS
from engine.quality.machines import OFFSET, SLOPE

from ...data.labelled import DataError
from ...data.photographs import Photograph, load_photographs
from ...records import record
from ...records.keys import digest_of
from ...records.log import log
from ...records.shipped import digest, digests
from ...records.store import Store, origin
from ...records.versions import METHOD_VERSIONS, metrics
from ...train.photo.pictures import HELD_OUT
from ..codec.run import jod_is_there
from ..weights import check_weights
from .distortions import DISTORTIONS, SEED
from .photo import QUICK, SLOW, Machines, machines, measured
from .summary import by_distortion, calibration, correlations, table_of

NAME = KIND = "machine_quality"
MEMBERS = PANELS["photos"].members
COUNT = 100  # photos, the first ones
JUDGED = 10  # of which the slow metrics are measured


def evaluate_machine_quality(
    data: Path, weights: Path | None, count: int | None, runs: Path, unseen: Path, command: str
) -> Path:
    """-> results/machine_quality.json.

    data: a folder of `training.data.photographs`; of a train split only the photos held out of the
    generator's training are taken. count: only the first photos, for a look: then the result is in
    RUNS/machine_quality. unseen: a folder of ONNX classifiers outside the panel. Raises DataError.
    """
    check_weights(weights)
    if not any(unseen.glob("*.onnx")):
        raise DataError(f"{unseen} holds no ONNX classifiers to be predicted: give --unseen DIR")
    photos = load_photographs(data, min(count or COUNT, COUNT), last_of_train=HELD_OUT)
    asked = machines(weights, unseen)
    store = Store(runs, KIND)
    entries = []
    for number, photo in enumerate(photos.photos):
        started = time.monotonic()
        slow = number < JUDGED and jod_is_there()
        key = key_of(asked, photo, number, weights, slow)
        before = store.find(key)
        entry = before or store.keep(key, measured(asked, photo.pixels, number, slow=slow))
        entries.append(entry)
        if before is None:
            took = time.monotonic() - started
            log(f"{KIND}: photo {number + 1} of {len(photos)}, {took:.0f} s")
    table = table_of([entry.value for entry in entries])
    return record.write(
        NAME,
        command=command,
        data=photos.source,
        weights=digests(weights, *MEMBERS),
        sections={
            **origin(entries),
            "seed": SEED,
            "n": len(photos),
            "n_judged": min(len(photos), JUDGED),
            "members": list(asked.panel.classifiers),
            "unseen": list(asked.unseen),
            "estimate": {"offset": OFFSET, "slope": SLOPE},
            "levels": {name: list(levels) for name, (_, levels) in DISTORTIONS.items()},
            "correlations": correlations(table, tuple(asked.unseen)),
            "calibration": calibration(table),
            "distortions": by_distortion(table),
        },
        folder=None if count is None else runs / KIND,
    )


def key_of(
    asked: Machines, photo: Photograph, number: int, weights: Path | None, slow: bool
) -> dict:
    """Under which a photo's copies are kept."""
    return {
        "photo": digest_of([photo.pixels]),
        "number": number,
        "version": METHOD_VERSIONS["machine_quality"],
        "levels": {name: levels for name, (_, levels) in DISTORTIONS.items()},
        "estimate": [OFFSET, SLOPE],
        "weights": {model: digest(weights, model) for model in MEMBERS},
        "unseen": {name: session.located.sha256 for name, session in asked.unseen.items()},
        "metrics": metrics("psnr", "ssim", *QUICK, *(SLOW if slow else ())),
    }
