"""What is measured of 8-bit pictures: answers kept (RCA), PSNR, and their spread.

Every distorted picture is clipped and rounded to 8 bits before a classifier sees it; the PSNR of
x + E without clipping is given beside. Spread is the standard deviation over images for a PSNR
and the standard error over images for a rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.images.picture import to_batch, to_pixels
from engine.machine.jnd import MachineJND
from engine.metrics.quality import psnr
from engine.models.session import Session

BATCH = 250


@dataclass(frozen=True)
class Look:
    """What the panel sees in a split.

    images uint8 N×H×W×3; logits float32 N×P×classes and cams float32 N×P×H×W in 0…1, both of the
    clean images.
    """

    images: np.ndarray
    logits: np.ndarray
    cams: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """int64 N×P: what each classifier says of the clean image."""
        return self.logits.argmax(2)

    def first(self, count: int) -> Look:
        return Look(self.images[:count], self.logits[:count], self.cams[:count])


@dataclass(frozen=True)
class Distortion:
    """change float32 N×3×H×W, E on the 0…1 scale; pixels uint8 N×H×W×3, x + E as an image."""

    change: np.ndarray
    pixels: np.ndarray


def batches(count: int) -> list[slice]:
    return [slice(start, start + BATCH) for start in range(0, count, BATCH)]


def look(machine: MachineJND, images: np.ndarray) -> Look:
    found = [machine.panel.predict(images[rows]) for rows in batches(len(images))]
    logits, cams = zip(*found, strict=True)
    return Look(images, np.concatenate(logits), np.concatenate(cams))


def distort(machine: MachineJND, looked: Look, strength: float = 1.0) -> Distortion:
    """What the machine's generator makes of the images, neither verified nor weakened."""
    change = np.concatenate(
        [
            machine.generator.change(
                looked.images[rows], looked.logits[rows], looked.cams[rows], strength
            )
            for rows in batches(len(looked.images))
        ]
    )
    return changed(looked, change)


def changed(looked: Look, change: np.ndarray) -> Distortion:
    """The images with E, float32 N×3×H×W on the 0…1 scale, added to them."""
    return Distortion(change, to_pixels(to_batch(looked.images) + change))


def answer(machine: MachineJND, images: np.ndarray) -> np.ndarray:
    """uint8 N×H×W×3 -> the panel's top-1 classes N×P, in batches."""
    return np.concatenate(
        [machine.panel.predict_labels(images[rows]) for rows in batches(len(images))]
    )


def answer_alone(classifier: Session, images: np.ndarray) -> np.ndarray:
    """uint8 N×H×W×3 -> one classifier's top-1 class N, in batches."""
    logits = [classifier.run(image=to_batch(images[rows]))[0] for rows in batches(len(images))]
    return np.concatenate(logits).argmax(1)


def measure(machine: MachineJND, looked: Look, pixels: np.ndarray) -> dict:
    """RCA (eqs 16-17) and PSNR of 8-bit distorted versions of the images."""
    return summarise(machine, looked, pixels, answer(machine, pixels) == looked.labels)


def summarise(machine: MachineJND, looked: Look, pixels: np.ndarray, kept: np.ndarray) -> dict:
    """`measure`, where the panel was asked already: kept bool N×P."""
    noise = psnr(to_batch(pixels) - to_batch(looked.images))
    return rates(machine, kept) | spread("psnr_db", noise)


def rates(machine: MachineJND, kept: np.ndarray) -> dict:
    """Booleans N×P -> RCA (eq. 17) and RCA_n per classifier (eq. 16), as fractions."""
    each = kept.mean(0)
    return {
        "n": len(kept),
        "rca": float(each.mean()),
        # Over images: the answers of one image are not independent.
        "rca_standard_error": float(kept.mean(1).std() / np.sqrt(len(kept))),
        "rca_per_classifier": dict(zip(machine.panel.classifiers, each.tolist(), strict=True)),
        "all_classifiers_keep": float(kept.all(1).mean()),
    }


def rate(kept: np.ndarray) -> dict:
    """Booleans N of one classifier -> its RCA_n (eq. 16)."""
    share = float(kept.mean())
    return {"n": len(kept), "rca": share, "rca_standard_error": standard_error(share, len(kept))}


def spread(name: str, values: np.ndarray) -> dict:
    """Mean and standard deviation over images; null where there is none."""
    if not len(values):
        return {name: None, f"{name}_std": None}
    return {name: float(values.mean()), f"{name}_std": float(values.std())}


def percentiles(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    return {str(p): float(np.percentile(values, p)) for p in (1, 5, 25, 50, 75, 95, 99)}


def standard_error(rate: float, count: int) -> float:
    return float(np.sqrt(rate * (1 - rate) / count))
