"""Which model's noise is least visible? `python -m training evaluate human`.

On the Kodak pictures, every model and uniform white noise, random signs, 8-bit pictures:

- at equal injected energy (26.65 dB as in Wu et al. 2017, and 30 dB; the level is found for each
  picture): JOD, SSIM, FSIM, VIF;
- at equal visibility (JOD 9.5): the PSNR, lower means that more noise is hidden;
- as published, level 1: mean threshold, PSNR, JOD;
- as luma noise: the same for R, G and B, the threshold's luma, at the same energies: JOD. It tells
  where a model puts noise from what it gets out of the colours;
- seconds and memory, on 12 megapixels for the learned model, on one for the others;
- hvs-sd with the true attention maps in place of the branch's, where the checkpoints are there:
  what the branch costs.

Every picture and model is kept in RUNS/human_kodak under a digest of its thresholds, so that a
killed run goes on. Writes results/human_kodak.json.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from engine import quality
from engine.errors import WeightsError
from engine.human import HUMAN_MODELS, thresholds
from engine.human.injection import inject, level_for_psnr
from engine.human.luminance import LUMA
from engine.models import HUMAN, locate
from engine.perceptual import DISPLAY, fsim, jod, vif

from .data import load_photos
from .measure import spread
from .record import write, write_json
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


def kept(folder: Path, index: int, name: str, pixels: np.ndarray, jnd: np.ndarray) -> dict:
    """`measure`, or what it gave when it was run on the same picture and thresholds before."""
    digest = hashlib.sha256(pixels.tobytes() + jnd.tobytes()).hexdigest()[:16]
    path = folder / f"{index:02d}-{name.replace(' ', '-')}-{digest}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, measure(pixels, jnd, SEED + index))
    return json.loads(path.read_text())


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

    from engine.image import to_batch

    from .calibration import calibrated
    from .human import load_human, true_maps

    try:
        model, teacher, _ = load_human(name, runs)
        scale = calibrated(name, runs)["scale"]
    except FileNotFoundError as error:
        print(f"{TRUE_MAPS}: left out, {error}", file=sys.stderr)
        return None

    def function(pixels: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(to_batch(pixels[None]))
        x = torch.nn.functional.pad(x, (0, -x.shape[3] % 4, 0, -x.shape[2] % 4), mode="replicate")
        with torch.no_grad():
            j = scale * model.network(x, true_maps(teacher, x))
        height, width = pixels.shape[:2]
        return 255 * j[0, :, :height, :width].permute(1, 2, 0).contiguous().numpy()

    return function


def speeds(pixels: np.ndarray, names: list[str], weights: str | None) -> dict[str, dict]:
    """`timed` of each model."""
    return {
        name: timed(name, enlarged(pixels, LARGE if HUMAN_MODELS[name].learned else SMALL), weights)
        for name in names
    }


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
    rows: dict[str, list[dict]] = {model: [] for model in models}
    for index, pixels in enumerate(photos.images):
        for model, function in models.items():
            found = kept(runs / "human_kodak", index, model, pixels, function(pixels))
            rows[model].append(found)
            print(
                f"picture {index + 1}/{len(photos)} {model}: "
                f"JOD {found['equal_energy'][f'{PSNRS[0]:g}']['jod']:.3f} at {PSNRS[0]} dB",
                file=sys.stderr,
                flush=True,
            )
    return write(
        "human_kodak",
        command=command,
        data=photos.source,
        weights=digests,
        sections={
            "seed": SEED,
            "display": DISPLAY,
            "psnr_db": list(PSNRS),
            "jod": JOD,
            "rows": [summary(model, found) for model, found in rows.items()],
            "speed": speeds(photos.images[0], [m for m in models if m in HUMAN_MODELS], named),
        },
    )
