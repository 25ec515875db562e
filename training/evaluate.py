"""Measure what ships: the exported graphs, through the engine, on 8-bit pictures.

Every distorted picture is clipped and rounded to 8 bits before the panel sees it; the PSNR of
x + E without clipping is given beside. Spread is the standard deviation over images for a PSNR
and the binomial standard error for a rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.image import to_batch, to_pixels
from engine.machine import STEPS, MachineJND
from engine.models import EMBEDDED, GENERATOR, MODELS, PANEL, PROVENANCE
from engine.quality import psnr

from .controls import CONTROLS, match
from .data import load
from .record import read_json, write

BATCH = 250
SEED = 0


@dataclass(frozen=True)
class Looked:
    """A split as the panel and the generator see it.

    images uint8 N×H×W×3; labels int64 N×P, the panel's clean answers; change float32 N×3×H×W,
    E on the 0…1 scale; distorted uint8 N×H×W×3, x + E clipped and rounded.
    """

    images: np.ndarray
    labels: np.ndarray
    change: np.ndarray
    distorted: np.ndarray


def evaluate_classifiers(data: str, weights: Path | None, count: int | None, command: str) -> Path:
    """Test accuracy of each shipped classifier -> results/classifiers_cifar10.json."""
    test = load(data, "test").first(count)
    machine = MachineJND(weights=weights, device="cpu")
    answers = answer(machine, test.images)
    rows = []
    for column, (model, name) in enumerate(zip(PANEL, machine.classifiers, strict=True)):
        note = trained_with(weights, model)
        rate = float((answers[:, column] == test.labels).mean())
        rows.append(
            {
                "classifier": name,
                "test_accuracy": rate,
                "standard_error": standard_error(rate, len(test)),
                "n_test": len(test),
                "n_train": note["n_train"],
                "parameters": note["parameters"],
                "training_seconds": note["seconds"],
                "seed": note["preset"]["seed"],
                "preset": note["preset"],
                "training_command": note["command"],
                # Set where the training code has changed since: the commit that made the weights.
                "training_commit": note.get("commit"),
            }
        )
    agree = float((answers == answers[:, :1]).all(1).mean())
    return write(
        "classifiers_cifar10",
        command=command,
        data=test.source,
        weights=digests(weights, *PANEL),
        sections={"rows": rows, "all_classifiers_agree": agree},
    )


def evaluate_machine(data: str, weights: Path | None, count: int | None, command: str) -> Path:
    """RCA and PSNR of the shipped generator on both splits, its controls on the test images.

    count: at most that many pictures, the first, of each split. Writes
    results/machine_cifar10.json.
    """
    machine = MachineJND(weights=weights, device="cpu")
    note = trained_with(weights, GENERATOR)
    rows = []
    for split in ("train", "test"):
        pictures = load(data, split).first(count)
        looked = look(machine, pictures.images)
        row = measure(machine, looked, looked.distorted)
        row |= spread("psnr_unclipped_db", psnr(looked.change))
        rows.append({"generator": note["generator"], "split": split} | row)
    kept = ("generator", "preset", "parameters", "seconds", "command")
    sections = {
        "seed": SEED,
        "training": {key: note[key] for key in kept},
        "rows": rows,
        "controls": measure_controls(machine, looked),
        "homogeneity": measure_homogeneity(machine, looked),
        "verified": measure_verified(machine, looked),
        "history": note["history"],
    }
    return write(
        "machine_cifar10",
        command=command,
        data=pictures.source,
        weights=digests(weights, *PANEL, GENERATOR),
        sections=sections,
    )


def look(machine: MachineJND, images: np.ndarray) -> Looked:
    labels, changes = [], []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        logits, cams = machine.look(batch)
        labels.append(logits.argmax(2))
        changes.append(machine.change(batch, logits, cams))
    change = np.concatenate(changes)
    return Looked(images, np.concatenate(labels), change, to_pixels(to_batch(images) + change))


def answer(machine: MachineJND, images: np.ndarray) -> np.ndarray:
    """uint8 N×H×W×3 -> top-1 class N×P, in batches."""
    starts = range(0, len(images), BATCH)
    return np.concatenate([machine.answer(images[s : s + BATCH]) for s in starts])


def measure(machine: MachineJND, looked: Looked, distorted: np.ndarray) -> dict:
    """RCA (eqs 16-17) and PSNR of 8-bit distorted versions of the images."""
    noise = psnr(to_batch(distorted) - to_batch(looked.images))
    kept = answer(machine, distorted) == looked.labels
    return rates(machine, kept) | spread("psnr_db", noise)


def rates(machine: MachineJND, kept: np.ndarray) -> dict:
    """Booleans N×P -> RCA (eq. 17) and RCA_n per classifier (eq. 16), as fractions."""
    each = kept.mean(0)
    return {
        "n": len(kept),
        "rca": float(each.mean()),
        "rca_standard_error": standard_error(float(each.mean()), len(kept)),
        "rca_per_classifier": dict(zip(machine.classifiers, each.tolist(), strict=True)),
        "all_classifiers_keep": float(kept.all(1).mean()),
    }


def spread(name: str, values: np.ndarray) -> dict:
    return {name: float(values.mean()), f"{name}_std": float(values.std())}


def percentiles(values: np.ndarray) -> dict[str, float]:
    return {str(p): float(np.percentile(values, p)) for p in (1, 5, 25, 50, 75, 95, 99)}


def standard_error(rate: float, count: int) -> float:
    return float(np.sqrt(rate * (1 - rate) / count))


def measure_controls(machine: MachineJND, looked: Looked) -> list[dict]:
    """Ordinary distortions with each picture's own PSNR, as far as they can be that strong."""
    wanted = psnr(to_batch(looked.distorted) - to_batch(looked.images))
    rows = []
    for name, make in CONTROLS.items():
        distorted = match(looked.images, wanted, make(looked.images, SEED))
        rows.append({"control": name} | measure(machine, looked, distorted))
    return rows


def measure_homogeneity(machine: MachineJND, looked: Looked) -> dict:
    """k/9 · E for k = 9…1: RCA per k, and the share of images that keep their label at every k."""
    clean = to_batch(looked.images)
    rows, every = [], np.ones_like(looked.labels, bool)
    for k in range(STEPS, 0, -1):
        weakened = to_pixels(clean + looked.change * np.float32(k / STEPS))
        kept = answer(machine, weakened) == looked.labels
        rows.append({"k": k} | rates(machine, kept))
        if k < STEPS:
            every &= kept
    return {
        "rows": rows,
        "every_k_keeps_per_classifier": dict(
            zip(machine.classifiers, every.mean(0).tolist(), strict=True)
        ),
        "every_k_keeps_all_labels": float(every.all(1).mean()),
    }


def measure_verified(machine: MachineJND, looked: Looked) -> dict:
    """Verified mode: E scaled down per image until all labels hold; PSNR and scale that remain.

    The PSNR is over the images that are changed at all; the others are counted.
    """
    scales, distorted = [], []
    for start in range(0, len(looked.images), BATCH):
        rows = slice(start, start + BATCH)
        scale, pixels = machine.tolerated(
            looked.images[rows], looked.change[rows], looked.labels[rows]
        )
        scales.append(scale)
        distorted.append(pixels)
    scale, pixels = np.concatenate(scales), np.concatenate(distorted)
    noise = psnr(to_batch(pixels) - to_batch(looked.images))
    changed = np.isfinite(noise)
    return (
        rates(machine, answer(machine, pixels) == looked.labels)
        | spread("psnr_db", noise[changed])
        | {"psnr_db_percentiles": percentiles(noise[changed])}
        | {"unchanged_images": int((~changed).sum())}
        | spread("scale", scale)
        | {"scale_percentiles": percentiles(scale), "full_scale": float((scale == 1).mean())}
    )


def provenance(weights: Path | None) -> dict[str, dict]:
    return read_json((weights or EMBEDDED) / PROVENANCE)["files"]


def trained_with(weights: Path | None, model: str) -> dict:
    """What provenance.json says of how one row of `MODELS` was trained."""
    return provenance(weights)[MODELS[model].file]["training"]


def digests(weights: Path | None, *models: str) -> dict[str, str]:
    """File name -> sha256 of the models that are measured."""
    files = [MODELS[model].file for model in models]
    return {file: provenance(weights)[file]["sha256"] for file in files}
