"""Make J exact: the scale at which noise at the JND has a fixed visibility. `… calibrate`.

Training holds every crop near that visibility; what is left is one factor near 1.

Criterion: noise of ±1·J (random signs, one for R, G and B, clipped and rounded to 8 bits) on the
held-out photos of BSDS500 has a mean JOD of 9.5 by ColorVideoVDP on its `standard_4k` display:
half a JOD below no visible difference, at which 63 % of viewers would pick the original where
50 % is guessing. Kodak, the evaluation set, is not used. The scale is found by bisection; each
scale tried is kept with its JODs in RUNS/human/NAME.calibration.json, and a killed run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from engine.human.injection import inject
from engine.images.picture import to_batch
from engine.metrics.perceptual import DISPLAY, jod
from engine.metrics.quality import psnr_8bit
from engine.networks.hvs import MARGIN, VERSION, HvsSd

from ...data.labelled import DataError, Photos
from ...records.log import log
from ...records.record import write_json
from .thresholds import load_thresholds

TARGET_JOD = 9.5
COUNT = 50  # held-out photos, the first
HALVINGS = 12
CLOSE = 0.005  # JOD
LOUDEST = 128  # levels on average, at which the search gives up
SEED = 0
Visibility = Callable[[np.ndarray, np.ndarray], float]


@torch.no_grad()
def relative_thresholds(model: HvsSd, pixels: np.ndarray) -> np.ndarray:
    """J of uint8 H×W×3 at scale 1: float32 H×W×3 in 8-bit levels, reflected around its border."""
    padded = np.pad(pixels, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="symmetric")
    threshold = model(torch.from_numpy(to_batch(padded[None])))
    core = threshold[0, :, MARGIN : MARGIN + pixels.shape[0], MARGIN : MARGIN + pixels.shape[1]]
    return 255 * core.permute(1, 2, 0).numpy()


def calibrate(
    name: str,
    photos: Photos,
    runs: Path,
    *,
    target: float = TARGET_JOD,
    count: int = COUNT,
    visibility: Visibility = jod,
    command: str = "",
) -> dict:
    """Find the scale of NAME, write it to RUNS/human/NAME.calibration.json, return that.

    The networks that ship where RUNS holds none and NAME is the default's. visibility: of a pair
    uint8 H×W×3, less where more is seen. Raises FileNotFoundError where NAME is not trained,
    ModuleNotFoundError without cvvdp, DataError where no scale reaches the target.
    """
    model, note = load_thresholds(name, runs)
    path = calibration_path(name, runs)
    photos = photos.first(count)
    same = {
        "target_jod": target,
        "display": DISPLAY,
        "data": photos.source,
        "n": len(photos),
        "seed": SEED,
        "weights": note["weights"],
        "version": VERSION,
    }
    calibration = json.loads(path.read_text()) if path.exists() else {}
    if any(calibration.get(key) != value for key, value in same.items()):
        calibration = same | {"tried": []}
    if "scale" in calibration:
        return calibration
    relative = [relative_thresholds(model, image) for image in photos.images]

    def jod_at(scale: float) -> float:
        for row in calibration["tried"]:
            if row["scale"] == scale:
                return row["jod"]
        changed = [
            inject(image, scale * jnd, seed=SEED + index)
            for index, (image, jnd) in enumerate(zip(photos.images, relative, strict=True))
        ]
        pairs = list(zip(photos.images, changed, strict=True))
        values = [visibility(*pair) for pair in pairs]
        noise = [psnr_8bit(*pair) for pair in pairs]
        row = {
            "scale": scale,
            "jod": float(np.mean(values)),
            "jod_std": float(np.std(values)),
            "psnr_db": float(np.mean(noise)),
            "mean_threshold": float(np.mean([scale * jnd.mean() for jnd in relative])),
        }
        calibration["tried"].append(row)
        write_json(path, calibration)
        log({"calibration": name, **row})
        return row["jod"]

    mean = float(np.mean([jnd.mean() for jnd in relative]))
    low, high = 0.0, 4 / max(mean, 1e-6)  # four levels on average, then twice as much …
    while jod_at(high) > target:
        if mean * high >= LOUDEST:
            raise DataError(f"{name}: noise of {mean * high:.0f} levels has no JOD of {target}")
        low, high = high, 2 * high
    scale = high
    for _ in range(HALVINGS):
        scale = (low + high) / 2
        value = jod_at(scale)
        if abs(value - target) < CLOSE:
            break
        low, high = (scale, high) if value > target else (low, scale)
    calibration |= {"scale": scale, "command": command}
    write_json(path, calibration)
    return calibration


def calibration_path(name: str, runs: Path) -> Path:
    return runs / "human" / f"{name}.calibration.json"


def calibrated(name: str, runs: Path) -> dict:
    """The finished calibration of NAME. Raises FileNotFoundError where there is none."""
    path = calibration_path(name, runs)
    if path.exists():
        calibration = json.loads(path.read_text())
        if "scale" in calibration:
            return calibration
    raise FileNotFoundError(f"{path} has no scale: run `python -m training calibrate` first")
