"""Which model's noise is least visible? `python -m training evaluate human`.

On the Kodak pictures, every model and uniform white noise, random signs, 8-bit pictures:

- at equal injected energy (26.65 dB as in Wu et al. 2017, and 30 dB; the level is found for each
  picture): JOD, SSIM, FSIM, VIF;
- at equal visibility (JOD 9.5): the PSNR, lower means that more noise is hidden;
- as published, level 1: mean threshold, PSNR, JOD;
- as luma noise: the same for R, G and B, the threshold's luma, at the same energies: JOD. It tells
  where a model puts noise from what it gets out of the colours;
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

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from engine.errors import WeightsError
from engine.human import HUMAN_MODELS, thresholds
from engine.human.injection import inject, level_for_psnr
from engine.human.learned import TILE
from engine.human.luminance import LUMA
from engine.metrics import quality
from engine.metrics.perceptual import DISPLAY, fsim, jod, vif
from engine.models.locate import locate
from engine.models.registry import HUMAN

from ..data.labelled import Photos, load_photos
from ..records.keys import digest_of, jnd_key
from ..records.record import published, write
from ..records.store import Entry, Store, from_row, origin, plain
from ..records.versions import JND_VERSIONS, METHOD_VERSIONS, STANDING, metrics
from .machine.measure import spread
from .speed import LARGE, SMALL, enlarged, timed

PSNRS = (26.65, 30.0)  # dB
JOD = 9.5
CLOSE = 0.003  # JOD
TRIES = 12
LEAP = 0.7  # of the logarithm of the level, at most twice or half
FAINTEST = 1e-4  # JOD below 10 that still counts as something seen
SEED = 0
UNIFORM = "uniform white noise"
TRUE_MAPS = "hvs-sd with the true maps"


def uniform(pixels: np.ndarray) -> np.ndarray:
    """The reference: the same threshold everywhere, but for a twentieth up or down.

    Without that, 8 bits would allow whole levels only, and the PSNR could not be met.
    """
    dither = np.random.default_rng(SEED).uniform(-0.05, 0.05, (*pixels.shape[:2], 1))
    return np.repeat(1 + dither, 3, axis=2).astype(np.float32)


def level_for_jod(seen: Callable[[float], float], target: float, levels: Sequence[float]) -> float:
    """The level at which noise has this JOD, from two or more to begin with.

    seen: the JOD at a level, at most 10. What is seen, 10 - JOD, is nearly a power of the level:
    the next one tried is where the line through the two nearest says, both in logarithms.
    """

    def apart(level: float) -> float:  # in logarithms, from what is to be seen
        return math.log(max(10 - seen(level), FAINTEST) / (10 - target))

    tried = {math.log(level): apart(level) for level in levels}
    for _ in range(TRIES):
        # Of levels that are as far away, because nothing is seen, the one on the target's side.
        near = sorted(tried.items(), key=lambda p: (abs(p[1]), math.copysign(1, p[1]) * p[0]))
        (x, y), (other, far) = near[:2]
        if (10 - target) * abs(math.expm1(y)) < CLOSE:  # the JOD there is this far from the target
            break
        slope = (far - y) / (other - x)
        step = -y / slope if slope > 0 else math.copysign(LEAP, -y)
        following = x + min(LEAP, max(-LEAP, step))
        tried[following] = apart(math.exp(following))
    return math.exp(min(tried, key=lambda level: abs(tried[level])))


def measure(pixels: np.ndarray, jnd: np.ndarray, seed: int) -> dict:
    """Every number of one picture and one model's thresholds."""

    @cache
    def numbers(level: float) -> dict:
        noisy = inject(pixels, jnd, level, seed)
        seen = jod(pixels, noisy)
        return {"level": level, "psnr_db": quality.psnr_8bit(pixels, noisy), "jod": seen}

    def all_numbers(level: float) -> dict:
        noisy = inject(pixels, jnd, level, seed)
        row = numbers(level) | {"ssim": quality.ssim(pixels, noisy)}
        return row | {"fsim": fsim(pixels, noisy), "vif": vif(pixels, noisy)}

    levels = [level_for_psnr(pixels, jnd, db, seed) for db in PSNRS]
    grey = np.repeat((jnd @ LUMA)[..., None], 3, 2)
    as_luma = {
        f"{db:g}": jod(pixels, inject(pixels, grey, level_for_psnr(pixels, grey, db, seed), seed))
        for db in PSNRS
    }
    visible = level_for_jod(lambda level: numbers(level)["jod"], JOD, levels)
    return {
        "equal_energy": {
            f"{db:g}": all_numbers(level) for db, level in zip(PSNRS, levels, strict=True)
        },
        "as_luma": as_luma,
        "equal_visibility": numbers(visible),
        "as_published": numbers(1.0) | {"mean_threshold": float(jnd.mean())},
    }


def common_key() -> dict:
    """What decides every row alike."""
    return {
        "psnr_db": PSNRS,
        "jod": JOD,
        "close": CLOSE,
        "tries": TRIES,
        "seed": SEED,
        "display": DISPLAY,
        "injection": METHOD_VERSIONS["injection"],
        "metrics": metrics("psnr", "ssim", "jod", "fsim", "vif"),
    }


def key_of(model: str, weights: str | None, name: str, runs: Path) -> dict:
    """The key of one model; of the true maps with the checkpoints of NAME."""
    if model in HUMAN_MODELS:
        return jnd_key(model, weights=weights)
    if model == UNIFORM:
        return {"name": UNIFORM, "version": JND_VERSIONS[UNIFORM]}
    from ..train.human.calibration import calibrated

    found = calibrated(name, runs)
    decisive = {key: found[key] for key in ("scale", "weights")}
    return {"name": TRUE_MAPS, "version": JND_VERSIONS[HUMAN], **decisive}


def standing(rows: Iterable[dict], decisive: dict) -> dict[str, Entry]:
    """Published rows of earlier versions of a learned model, by name, decided by the same else."""
    wanted, found = plain(decisive), {}
    for row in rows:
        entry = from_row(row)
        if entry is None:
            continue
        jnd = entry.key["jnd"]
        same = {part: value for part, value in entry.key.items() if part != "jnd"} == wanted
        if same and jnd["version"] in STANDING.get(HUMAN, {}) and jnd["name"] in (HUMAN, TRUE_MAPS):
            found[f"{jnd['name']}, version {jnd['version']}"] = entry
    return found


def summary(name: str, rows: list[dict]) -> dict:
    """Mean and standard deviation over the pictures of every number of one model."""
    result: dict = {"model": name, "n": len(rows)}
    for part in ("as_published", "equal_visibility", "as_luma"):
        result[part] = averages([row[part] for row in rows])
    result["equal_energy"] = {
        db: averages([row["equal_energy"][db] for row in rows]) for db in rows[0]["equal_energy"]
    }
    return result


def averages(rows: list[dict]) -> dict:
    result = {}
    for key in rows[0]:
        result |= spread(key, np.array([row[key] for row in rows]))
    return result


def with_true_maps(name: str, runs: Path):
    """Thresholds by the network that sees the true maps, or None without the checkpoints."""
    import torch

    from engine.images.picture import to_batch
    from engine.networks.hvs import symmetric

    from ..train.human.calibration import calibrated
    from ..train.human.hvs import load_human, true_maps

    try:
        model, teacher, _ = load_human(name, runs)
        scale = calibrated(name, runs)["scale"]
    except FileNotFoundError as error:
        print(f"{TRUE_MAPS}: left out, {error}", file=sys.stderr)
        return None

    def function(pixels: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(to_batch(pixels[None]))
        with torch.no_grad():
            j = symmetric(lambda x: scale * model.network(x, true_maps(teacher, x)), x)
        return 255 * j[0].permute(1, 2, 0).contiguous().numpy()

    return function


def symmetry_key(photos: Photos) -> dict:
    return {"pictures": digest_of(photos.images), "metrics": metrics("symmetry")}


def symmetry_of(
    jnd: dict, photos: Photos, function: Callable[[np.ndarray], np.ndarray], store: Store
) -> Entry:
    """Mean |J(x) - flipped J(flipped x)| over mean J, by what is flipped, over the pictures."""

    def measured() -> dict:
        upright = [function(pixels) for pixels in photos.images]
        found = {"n": len(upright)}
        for way, axis in (("left_and_right", 1), ("up_and_down", 0)):
            off = []
            for pixels, jnd in zip(photos.images, upright, strict=True):
                other = np.flip(function(np.ascontiguousarray(np.flip(pixels, axis))), axis)
                off.append(np.abs(jnd - other).mean() / jnd.mean())
            found |= spread(way, np.array(off))
        return found

    return store.measured({"jnd": jnd} | symmetry_key(photos), measured)


def speed_key(pixels: np.ndarray, size: tuple[int, int]) -> dict:
    """What decides a timing beside the model."""
    return {"picture": digest_of([pixels]), "size": size, "metrics": metrics("speed")}


def speeds(
    pixels: np.ndarray, jnds: dict[str, dict], weights: str | None, store: Store
) -> dict[str, Entry]:
    """`timed` of each model, by its key; what was timed before is kept, with where it was."""
    found = {}
    for name, jnd in jnds.items():
        size = LARGE if HUMAN_MODELS[name].learned else SMALL
        tiles = {"tile": TILE} if HUMAN_MODELS[name].learned else {}
        key = {"jnd": jnd | tiles} | speed_key(pixels, size)
        found[name] = store.measured(key, partial(clocked, name, pixels, size, weights))
    return found


def clocked(name: str, pixels: np.ndarray, size: tuple[int, int], weights: str | None) -> dict:
    return timed(name, enlarged(pixels, size), weights)


def evaluate_human(
    data: str, weights: Path | None, count: int | None, runs: Path, name: str, command: str
) -> Path:
    """Measure every model on the first `count` pictures (None: all), write the result.

    Raises DataError without pictures; hvs-sd is left out, and said so, where it has no weights.
    """
    photos = load_photos(data, "test", "train").first(count)
    named = str(weights) if weights else None
    models = {UNIFORM: uniform}
    digests = {}
    for model, row in HUMAN_MODELS.items():
        if row.learned:
            try:
                digests = {f"{HUMAN}.onnx": locate(HUMAN, named).sha256}
            except WeightsError as error:
                print(f"{model}: left out, {error}", file=sys.stderr)
                continue
        models[model] = lambda pixels, model=model: thresholds(pixels, model, weights=named)
    if digests and (function := with_true_maps(name, runs)):
        models[TRUE_MAPS] = function
    jnds = {model: key_of(model, named, name, runs) for model in models}
    before = published("human_kodak")
    known = [*before.get("rows", [])]
    known += [row for part in ("speed", "symmetry") for row in before.get(part, {}).values()]
    store = Store(runs, "human", map(from_row, known))
    whole = common_key() | {"pictures": digest_of(photos.images)}
    rows = standing(before.get("rows", []), whole)
    for model, function in models.items():
        rows[model] = row_of(model, jnds[model], photos, function, store)
    first, timed_models = photos.images[0], {m: jnds[m] for m in models if m in HUMAN_MODELS}
    timings = speeds(first, timed_models, named, store)
    timings |= standing(before.get("speed", {}).values(), speed_key(first, LARGE))
    flips = {
        model: symmetry_of(jnds[model], photos, models[model], store)
        for model, row in HUMAN_MODELS.items()
        if row.learned and model in models
    }
    flips |= standing(before.get("symmetry", {}).values(), symmetry_key(photos))
    ordered = sorted(rows, key=[*models, *rows].index)
    return write(
        "human_kodak",
        command=command,
        data=photos.source,
        weights=digests,
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


def row_of(
    model: str,
    jnd: dict,
    photos: Photos,
    function: Callable[[np.ndarray], np.ndarray],
    store: Store,
) -> Entry:
    """A model's row: published, or from its pictures, of which those measured before are kept."""
    common = common_key() | {"jnd": jnd}
    whole = common | {"pictures": digest_of(photos.images)}
    if (found := store.find(whole)) is not None:
        return found
    done = []
    for index, pixels in enumerate(photos.images):
        key = common | {"picture": digest_of([pixels]), "index": index}
        entry = store.find(key) or store.keep(key, measure(pixels, function(pixels), SEED + index))
        done.append(entry)
        print(
            f"{model}, picture {index + 1}/{len(photos)}: "
            f"JOD {entry.value['equal_energy'][f'{PSNRS[0]:g}']['jod']:.3f} at {PSNRS[0]} dB",
            file=sys.stderr,
            flush=True,
        )
    return Entry(plain(whole), summary(model, [entry.value for entry in done]), **origin(done))
