"""How good the recogniser is that we cloak against, and one that takes part in nothing.

Every pair of `pairs.tsv` is detected, aligned and described; the accuracy at dlib's threshold 0.6
is that of the decision as it ships, the best accuracy that of ten-fold cross-validation (the
threshold chosen on nine tenths, as LFW view 2 asks).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.faces.finder import SAME, FaceFinder, load_finder
from engine.models.locate import EMBEDDED
from engine.models.registry import MODELS, RECOGNISER
from engine.networks.recogniser import load_recogniser

from ...data.lfw import People, centre_face, publish
from ...records.record import read_json
from .onlooker import Onlooker

FOLDS = 10
SEED = 0


def descriptors(
    people: People, finder: FaceFinder, photos: list[tuple[str, int]], onlooker: Onlooker | None
) -> tuple[dict, dict, list]:
    """(person, index) -> descriptor float32 128, and the onlooker's; those not found."""
    recogniser = load_recogniser()
    ours, others, lost = {}, {}, []
    for person, index in photos:
        pixels = people.photo(person, index)
        face = centre_face(finder, pixels)
        if face is None:
            lost.append((person, index))
            quarter = pixels.shape[0] // 4  # where LFW's photos have their face
            face = finder.at(pixels, (quarter, quarter, 3 * quarter, 3 * quarter))
        ours[person, index] = recogniser.describe(finder.chip(pixels, face)[None])[0]
        if onlooker is not None:
            others[person, index] = onlooker.describe(pixels, face)
    return ours, others, lost


def accuracy(distances: np.ndarray, same: np.ndarray, threshold: float) -> float:
    return float(((distances < threshold) == same).mean())


def cross_validated(distances: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation over ten folds, the threshold chosen on the other nine."""
    fold = np.random.default_rng(SEED).permutation(len(same)) % FOLDS
    candidates = np.quantile(distances, np.linspace(0, 1, 500))
    found = []
    for held in range(FOLDS):
        kept = fold != held
        best = max(candidates, key=lambda t: accuracy(distances[kept], same[kept], t))
        found.append(accuracy(distances[~kept], same[~kept], best))
    return float(np.mean(found)), float(np.std(found))


def evaluate_recogniser(data: str, onlooker: Path | None, count: int | None, command: str) -> Path:
    """Verification accuracy on LFW's pairs -> results/recogniser_lfw.json.

    onlooker: `mobilefacenet_unseen.onnx`, or None to leave it out; count: only every so many pairs
    that this many remain.
    """
    people, finder = People(Path(data)), load_finder()
    pairs = people.pairs[:: max(1, len(people.pairs) // count)] if count else people.pairs
    photos = sorted({photo for pair in pairs for photo in (pair.one, pair.two)})
    other = Onlooker(onlooker) if onlooker is not None and onlooker.is_file() else None
    ours, others, lost = descriptors(people, finder, photos, other)
    same = np.array([pair.same for pair in pairs])
    distances = np.array([np.linalg.norm(ours[p.one] - ours[p.two]) for p in pairs])
    mean, spread = cross_validated(distances, same)
    rows = [
        {
            "recogniser": "dlib, PyTorch port",
            "threshold": SAME,
            "accuracy": accuracy(distances, same, SAME),
            "accuracy_cross_validated": mean,
            "accuracy_cross_validated_std": spread,
            "false_matches": float((distances[~same] < SAME).mean()),
            "false_non_matches": float((distances[same] >= SAME).mean()),
        }
    ]
    if other is not None:
        apart = np.array([1 - float(others[p.one] @ others[p.two]) for p in pairs])
        mean, spread = cross_validated(apart, same)
        rows.append(
            {
                "recogniser": "mobilefacenet_unseen",
                "accuracy_cross_validated": mean,
                "accuracy_cross_validated_std": spread,
            }
        )
    for row in rows:
        row |= {"n_pairs": len(pairs), "n_same": int(same.sum()), "n_photos": len(photos)}
    model = MODELS[RECOGNISER]
    stored = read_json(EMBEDDED / model.provenance)["files"][model.file]
    sections = {
        "seed": SEED,
        "rows": rows,
        "photos_without_a_face": len(lost),
        "precision": stored["from_reference_embedding"],
    }
    return publish("recogniser_lfw", command, sections)
