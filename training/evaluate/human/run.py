"""Which model's noise is least visible? `python -m training evaluate human`.

On the Kodak pictures, every model and uniform white noise, random signs, 8-bit pictures:

- at equal injected energy (26.65 dB as in Wu et al. 2017, and 30 dB; the level is found for each
  picture): JOD, SSIM, FSIM, VIF;
- at equal visibility (JOD 9.5): the PSNR, lower means that more noise is hidden;
- as published, level 1: mean threshold, PSNR, JOD;
- as luma noise: the same for R, G and B, the threshold's luma, at the same energies: JOD. It
  separates where a model puts noise from what it gets out of the colours;
- seconds and memory, on 12 megapixels for the learned model, on one for the others;
- how far the learned model's threshold of a mirrored picture is from the mirrored threshold;
- hvs-sd with the true attention maps in place of the branch's, where the checkpoints are there:
  what the branch costs.

Every picture and model is kept in `training.records.store`, so that a killed run goes on; a row
that is published is kept as long as what decided it is the same. A row of an earlier version of a
learned model (`training.records.versions`) stays beside the present one's. Writes
results/human_kodak.json.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from engine.human import HUMAN_MODELS
from engine.human.learned import TILE
from engine.metrics.perceptual import DISPLAY
from engine.models.registry import HUMAN

from ...data.labelled import Photos, load_photos
from ...records.keys import digest_of
from ...records.log import log
from ...records.record import published, write
from ...records.store import Entry, Store, from_row, origin, plain
from ...records.versions import STANDING, metrics
from ..machine.measure import spread
from ..speed.lane import Lane
from ..speed.process import enlarged
from ..speed.side_by_side import timed
from ..speed.subjects import ENGINE
from .compared import TRUE_MAPS, Compared, compared_models
from .picture import JOD, PSNRS, SEED, common_key, measure, summary

LARGE = (3000, 4000)  # rows and columns of the photo for the learned models: 12 megapixels
SMALL = (1000, 1000)  # and for the classical ones


def evaluate_human(
    data: str, weights: Path | None, count: int | None, runs: Path, name: str, command: str
) -> Path:
    """Measure every model on the first `count` pictures (None: all), write the result.

    name: of the checkpoints with the true maps. Raises DataError without pictures; hvs-sd is left
    out, with a line on stderr, where it has no weights.
    """
    photos = load_photos(data, "test", "train").first(count)
    folder = str(weights) if weights else None
    models = compared_models(folder, name, runs)
    before = published("human_kodak")
    earlier = [row for part in ("speed", "symmetry") for row in before.get(part, {}).values()]
    store = Store(runs, "human", map(from_row, [*before.get("rows", []), *earlier]))

    rows = standing(before.get("rows", []), common_key() | pictures_key(photos))
    rows |= {model: row_of(model, each, photos, store) for model, each in models.items()}
    first = photos.images[0]
    timed_keys = {model: each.key for model, each in models.items() if model in HUMAN_MODELS}
    timings = speeds(first, timed_keys, folder, store)
    timings |= standing(before.get("speed", {}).values(), speed_key(first, LARGE))
    flips = {
        model: symmetry_of(models[model], photos, store)
        for model, row in HUMAN_MODELS.items()
        if row.learned and model in models
    }
    flips |= standing(before.get("symmetry", {}).values(), symmetry_key(photos))
    ordered = sorted(rows, key=[*models, *rows].index)
    return write(
        "human_kodak",
        command=command,
        data=photos.source,
        weights={f"{HUMAN}.onnx": models[HUMAN].key["weights"]} if HUMAN in models else {},
        sections={
            **origin([*rows.values(), *timings.values(), *flips.values()]),
            "seed": SEED,
            "display": DISPLAY,
            "psnr_db": list(PSNRS),
            "jod": JOD,
            "rows": [rows[model].row() | {"model": model} for model in ordered],
            "speed": {model: entry.row() for model, entry in timings.items()},
            "symmetry": {model: entry.row() for model, entry in flips.items()},
        },
    )


def pictures_key(photos: Photos) -> dict:
    return {"pictures": digest_of(photos.images)}


def row_of(model: str, compared: Compared, photos: Photos, store: Store) -> Entry:
    """A model's row: published, or from its pictures, of which those measured before are kept."""
    common = common_key() | {"jnd": compared.key}
    whole = common | pictures_key(photos)
    if (entry := store.find(whole)) is not None:
        return entry
    entries = []
    for index, pixels in enumerate(photos.images):
        key = common | {"picture": digest_of([pixels]), "index": index}
        work = partial(measure_model, pixels, compared, SEED + index)
        entries.append(store.measured(key, work))
        jod = entries[-1].value["equal_energy"][f"{PSNRS[0]:g}"]["jod"]
        log(f"{model}, picture {index + 1}/{len(photos)}: JOD {jod:.3f} at {PSNRS[0]} dB")
    row = summary(model, [entry.value for entry in entries])
    return Entry(plain(whole), row, **origin(entries))


def measure_model(pixels: np.ndarray, compared: Compared, seed: int) -> dict:
    return measure(pixels, compared.thresholds(pixels), seed)


def standing(rows: Iterable[dict], decisive: dict) -> dict[str, Entry]:
    """Published rows of earlier versions of a learned model, by name.

    decisive: what else has to have decided them, as parts of their keys.
    """
    common, entries = plain(decisive), {}
    for row in rows:
        entry = from_row(row)
        if entry is None:
            continue
        jnd = entry.key["jnd"]
        same = {part: value for part, value in entry.key.items() if part != "jnd"} == common
        if same and jnd["version"] in STANDING.get(HUMAN, {}) and jnd["name"] in (HUMAN, TRUE_MAPS):
            entries[f"{jnd['name']}, version {jnd['version']}"] = entry
    return entries


def symmetry_key(photos: Photos) -> dict:
    """What decides a symmetry beside the model."""
    return pictures_key(photos) | {"metrics": metrics("symmetry")}


def symmetry_of(compared: Compared, photos: Photos, store: Store) -> Entry:
    """Mean |J(x) - flipped J(flipped x)| over mean J, by what is flipped, over the pictures."""

    def measured() -> dict:
        upright = [compared.thresholds(pixels) for pixels in photos.images]
        result = {"n": len(upright)}
        for way, axis in (("left_and_right", 1), ("up_and_down", 0)):
            off = []
            for pixels, jnd in zip(photos.images, upright, strict=True):
                flipped = compared.thresholds(np.ascontiguousarray(np.flip(pixels, axis)))
                off.append(np.abs(jnd - np.flip(flipped, axis)).mean() / jnd.mean())
            result |= spread(way, np.array(off))
        return result

    return store.measured({"jnd": compared.key} | symmetry_key(photos), measured)


def speed_key(pixels: np.ndarray, size: tuple[int, int]) -> dict:
    """What decides a timing beside the model."""
    return {"picture": digest_of([pixels]), "size": size, "metrics": metrics("speed")}


def speeds(
    pixels: np.ndarray, keys: dict[str, dict], weights: str | None, store: Store
) -> dict[str, Entry]:
    """`timed` of each model, by its name; a timing in the store is kept, hardware and all.

    keys: of the models, as `training.records.keys.jnd_key` has them.
    """
    entries = {}
    for name, jnd in keys.items():
        size = LARGE if HUMAN_MODELS[name].learned else SMALL
        tiles = {"tile": TILE} if HUMAN_MODELS[name].learned else {}
        key = {"jnd": jnd | tiles} | speed_key(pixels, size)
        entries[name] = store.measured(key, partial(clocked, name, pixels, size, weights))
    return entries


def clocked(name: str, pixels: np.ndarray, size: tuple[int, int], weights: str | None) -> dict:
    large = enlarged(pixels, size)
    return {"megapixels": large[..., 0].size / 1e6} | timed(
        Lane(name, ENGINE, "auto", weights), large[None]
    )
