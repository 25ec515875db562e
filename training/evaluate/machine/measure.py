"""What is measured of 8-bit pictures: labels that stay the same (RCA), PSNR, and their spread.

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

from ...data.labelled import LabelledImages
from ...records.keys import digest_of

BATCH = 250


@dataclass(frozen=True)
class Predictions:
    """The panel's predictions for the clean images of a split.

    images uint8 N×H×W×3; logits float32 N×P×classes; cams float32 N×P×H×W in 0…1.
    """

    images: np.ndarray
    logits: np.ndarray
    cams: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """int64 N×P: each classifier's top-1 label of the clean image."""
        return self.logits.argmax(2)

    def first(self, count: int) -> Predictions:
        return Predictions(self.images[:count], self.logits[:count], self.cams[:count])


@dataclass(frozen=True)
class Distortion:
    """change float32 N×3×H×W, E on the 0…1 scale; pixels uint8 N×H×W×3, x + E as an image."""

    change: np.ndarray
    pixels: np.ndarray


def digest(data: LabelledImages) -> str:
    """What identifies labelled pictures in a key: their pixels, sizes, labels and order."""
    return digest_of([*data.images, data.labels])


def batches(count: int) -> list[slice]:
    return [slice(start, start + BATCH) for start in range(0, count, BATCH)]


def predict(machine: MachineJND, images: np.ndarray) -> Predictions:
    """The panel's predictions for images uint8 N×H×W×3, in batches."""
    parts = [machine.panel.predict(images[rows]) for rows in batches(len(images))]
    logits, cams = zip(*parts, strict=True)
    return Predictions(images, np.concatenate(logits), np.concatenate(cams))


def distort(machine: MachineJND, clean: Predictions, strength: float = 1.0) -> Distortion:
    """What the machine's generator makes of the images, neither verified nor weakened."""
    change = np.concatenate(
        [
            machine.generator.change(
                clean.images[rows], clean.logits[rows], clean.cams[rows], strength
            )
            for rows in batches(len(clean.images))
        ]
    )
    return changed(clean, change)


def changed(clean: Predictions, change: np.ndarray) -> Distortion:
    """The images with E, float32 N×3×H×W on the 0…1 scale, added to them."""
    return Distortion(change, to_pixels(to_batch(clean.images) + change))


def panel_labels(machine: MachineJND, images: np.ndarray) -> np.ndarray:
    """uint8 N×H×W×3 -> the panel's top-1 labels int64 N×P, in batches."""
    parts = [machine.panel.predict_labels(images[rows]) for rows in batches(len(images))]
    return np.concatenate(parts)


def classifier_labels(classifier: Session, images: np.ndarray) -> np.ndarray:
    """uint8 N×H×W×3 -> one classifier's top-1 labels int64 N, in batches."""
    logits = [classifier.run(image=to_batch(images[rows]))[0] for rows in batches(len(images))]
    return np.concatenate(logits).argmax(1)


def measure(machine: MachineJND, clean: Predictions, pixels: np.ndarray) -> dict:
    """RCA (eqs 16-17) and PSNR of 8-bit distorted versions of the images."""
    return summarise(machine, clean, pixels, panel_labels(machine, pixels) == clean.labels)


def summarise(
    machine: MachineJND, clean: Predictions, pixels: np.ndarray, matches: np.ndarray
) -> dict:
    """`measure`, where the labels are known already.

    matches bool N×P: whether each classifier's label is that of the clean image.
    """
    noise = psnr(to_batch(pixels) - to_batch(clean.images))
    return rates(machine, matches) | spread("psnr_db", noise)


def rates(machine: MachineJND, matches: np.ndarray) -> dict:
    """Booleans N×P -> RCA (eq. 17) and RCA_n per classifier (eq. 16), as fractions."""
    each = matches.mean(0)
    return {
        "n": len(matches),
        "rca": float(each.mean()),
        # Over images: the labels of one image are not independent.
        "rca_standard_error": float(matches.mean(1).std() / np.sqrt(len(matches))),
        "rca_per_classifier": dict(zip(machine.panel.classifiers, each.tolist(), strict=True)),
        "all_classifiers_keep": float(matches.all(1).mean()),
    }


def rate(matches: np.ndarray) -> dict:
    """Booleans N of one classifier -> its RCA_n (eq. 16)."""
    share = float(matches.mean())
    return {
        "n": len(matches),
        "rca": share,
        "rca_standard_error": standard_error(share, len(matches)),
    }


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
