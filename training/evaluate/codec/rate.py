"""The constants of `engine.compress.jpeg.rate`, fitted to the lengths of real files.

`python -m training.evaluate.codec.rate --data FOLDER`

FOLDER holds photos240, of which photos of the training part are written as progressive JPEGs at low
qualities, one table for all planes, with shares of their coefficients set to zero at random: what a
search meets. Least squares of relative errors; the weight of rarity is one, as the others would
make up for it. Writes results/codec_rate.json: the constants as fitted, as the engine has them, and
what each leaves over.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.compress.jpeg import rate
from engine.compress.jpeg.file import written
from engine.compress.jpeg.layout import Layout, Planes
from engine.compress.jpeg.tables import LUMINANCE, flattened, scaled
from engine.compress.methods.search import FLATNESS
from engine.images.picture import decode

from ...records.record import write
from ...train.photo.pictures import encoded

COUNT = 40  # photos, the first
QUALITIES = (5, 10)
ZEROED = (0.3, 0.6, 0.85)  # shares of the coefficients beside the means that are set to zero
SEED = 0
CONSTANTS = ("NONZERO", "MAGNITUDE", "BLOCK", "CHANGE", "HEADERS")


def features(coefficients: Planes) -> np.ndarray:
    """What the constants are multiplied by, in their order, then the bits that have none."""
    found = np.zeros(len(CONSTANTS) + 1)
    for plane in coefficients:
        further = plane.copy()
        further[..., 0, 0] = 0
        counts = (further != 0).sum((0, 1))
        mean = plane[..., 0, 0].ravel()
        found += (
            counts.sum(),
            np.log2(np.maximum(np.abs(further), 1)).sum(),
            mean.size,
            rate.changing(np.diff(mean, prepend=0)).sum() / rate.CHANGE,
            0,
            rate.RARITY * (counts * rate.rarity(further)).sum(),
        )
    found[CONSTANTS.index("HEADERS")] = 1
    return found


def files(photos: list[bytes]) -> Iterator[tuple[Planes, int]]:
    """Quantised coefficients and the bits of their file."""
    random = np.random.default_rng(SEED)
    for data in photos:
        pixels = decode(data).pixels
        layout = Layout(*pixels.shape[:2])
        whole = layout.encoded(pixels)
        for quality in QUALITIES:
            table = scaled(flattened(LUMINANCE, FLATNESS), quality)
            for share in ZEROED:
                planes = tuple(np.rint(plane / table) for plane in whole)
                for plane in planes:
                    gone = random.random(plane.shape) < share
                    gone[..., 0, 0] = False
                    plane[gone] = 0
                yield planes, 8 * len(written(planes, (table, table), layout))


def fit(rows: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """The constants of least squared relative errors. rows: N×6 of `features`; bits: N."""
    own, rest = rows[:, :-1], rows[:, -1]
    return np.linalg.lstsq(own / bits[:, None], (bits - rest) / bits, rcond=None)[0]


def residual(rows: np.ndarray, bits: np.ndarray, constants: np.ndarray) -> float:
    """Root mean square of the relative errors."""
    return float(np.sqrt(np.mean(((rows @ np.append(constants, 1)) / bits - 1) ** 2)))


def evaluate_rate(data: Path, command: str, count: int = COUNT, folder: Path | None = None) -> Path:
    """Fit and write the result. data: a folder with photos240; folder: see `write`."""
    pairs = [
        (features(planes), bits) for planes, bits in files(encoded(data / "photos240")[:count])
    ]
    rows, bits = (np.array(each, float) for each in zip(*pairs, strict=True))
    fitted, used = fit(rows, bits), np.array([getattr(rate, name) for name in CONSTANTS])
    return write(
        "codec_rate",
        command=command,
        data=f"photos240: the first {count}, of the part that is trained on",
        weights={},
        sections={
            "seed": SEED,
            "n": len(bits),
            "qualities": list(QUALITIES),
            "zeroed": list(ZEROED),
            "constants": [
                {"name": name, "fitted": round(float(own), 3), "used": float(ours)}
                for name, own, ours in zip(CONSTANTS, fitted, used, strict=True)
            ],
            "residual_fitted": round(residual(rows, bits, fitted), 4),
            "residual_used": round(residual(rows, bits, used), 4),
            "bits_mean": round(float(bits.mean()), 1),
            "bits_std": round(float(bits.std()), 1),
        },
        folder=folder,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    print(evaluate_rate(given.data, "python -m training.evaluate.codec.rate"))
