"""How good the recogniser is that we cloak against, and one that takes part in nothing.

Every pair of `pairs.tsv` is detected, aligned and embedded; the accuracy at dlib's threshold 0.6
is that of the decision as it ships, the best accuracy that of ten-fold cross-validation (the
threshold chosen on nine tenths, as LFW view 2 demands). The embeddings of a block of photos are one
entry of `training.records.store`, so that a stopped evaluation goes on, and so is the result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from engine.faces.finder import SAME, FaceFinder, load_finder
from engine.models.locate import EMBEDDED, locate, sha256_of
from engine.models.registry import MODELS, RECOGNISER
from engine.networks.recogniser import Recogniser, load_recogniser

from ...data.lfw import Pair, People, centre_face, publish
from ...records.record import published, read_json
from ...records.store import KEY, Entry, Store, origin, without_key
from ...records.versions import METHOD_VERSIONS
from .held_out_recogniser import SHA256, Onlooker

FOLDS = 10
SEED = 0
BLOCK = 100  # photos whose embeddings are one entry of the store
Photo = tuple[str, int]  # person, index from 1


def embed(
    people: People,
    finder: FaceFinder,
    recogniser: Recogniser,
    onlooker: Onlooker | None,
    photos: Iterable[Photo],
) -> list[dict]:
    """Of each photo: the embedding, the onlooker's or None, and whether a face was detected."""
    rows = []
    for person, index in photos:
        pixels = people.photo(person, index)
        face = centre_face(finder, pixels)
        detected = face is not None
        if face is None:
            quarter = pixels.shape[0] // 4  # where LFW's photos have their face
            face = finder.at(pixels, (quarter, quarter, 3 * quarter, 3 * quarter))
        own = recogniser.describe(finder.chip(pixels, face)[None])[0]
        other = None if onlooker is None else onlooker.describe(pixels, face).tolist()
        rows.append({"embedding": own.tolist(), "onlooker": other, "detected": detected})
    return rows


def accuracy(distances: np.ndarray, same: np.ndarray, threshold: float) -> float:
    return float(((distances < threshold) == same).mean())


def cross_validated(distances: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation over ten folds, the threshold chosen on the other nine."""
    fold = np.random.default_rng(SEED).permutation(len(same)) % FOLDS
    candidates = np.quantile(distances, np.linspace(0, 1, 500))
    accuracies = []
    for held in range(FOLDS):
        others = fold != held
        best = max(candidates, key=lambda t: accuracy(distances[others], same[others], t))
        accuracies.append(accuracy(distances[~others], same[~others], best))
    return float(np.mean(accuracies)), float(np.std(accuracies))


def evaluate_recogniser(
    data: str, onlooker: Path | None, count: int | None, runs: Path, command: str
) -> Path:
    """Verification accuracy on LFW's pairs -> results/recogniser_lfw.json.

    onlooker: `mobilefacenet_unseen.onnx`, or None to leave it out; count: only every so many pairs
    that this many remain.
    """
    people = People(Path(data))
    pairs = people.pairs[:: max(1, len(people.pairs) // count)] if count else people.pairs
    if onlooker is not None and not onlooker.is_file():
        onlooker = None
    # Where the onlooker's file is missing, a result with its numbers stands.
    onlookers = [SHA256, None] if onlooker is None else [sha256_of(onlooker)]
    keys = [result_key(people, pairs, each) for each in onlookers]
    before = published("recogniser_lfw")
    store = Store(runs, "recogniser", [*known(before, keys, pairs)])
    entry = store.find(*keys)
    if entry is None:
        entry = store.keep(keys[-1], measure(people, pairs, onlooker, store))
    model = MODELS[RECOGNISER]
    stored = read_json(EMBEDDED / model.provenance)["files"][model.file]
    sections = {
        **origin([entry]),
        "seed": SEED,
        **entry.value,
        "precision": stored["from_reference_embedding"],
        KEY: entry.key,
    }
    return publish("recogniser_lfw", command, sections)


def common_key(onlooker: str | None) -> dict:
    """What decides an embedding beside its photo; onlooker: the sha256 of its file."""
    return {
        "section": "verification",
        "version": METHOD_VERSIONS["verification"],
        "faces": METHOD_VERSIONS["faces"],
        "recogniser": locate(RECOGNISER).sha256,
        "onlooker": onlooker,
    }


def result_key(people: People, pairs: list[Pair], onlooker: str | None) -> dict:
    """What decides the accuracies."""
    listed = [(pair.one, pair.two, pair.same) for pair in pairs]
    return (
        common_key(onlooker)
        | {"same_person": SAME, "folds": FOLDS, "seed": SEED}
        | {"pairs": hashlib.sha256(repr(listed).encode()).hexdigest()[:16]}
        | photos_key(people, photos_of(pairs))
    )


def photos_key(people: People, photos: Iterable[Photo]) -> dict:
    whole = hashlib.sha256()
    for person, index in photos:
        whole.update(people.photos[person][index - 1])
    return {"photos": whole.hexdigest()[:16]}


def photos_of(pairs: list[Pair]) -> list[Photo]:
    return sorted({photo for pair in pairs for photo in (pair.one, pair.two)})


def embeddings(
    people: People, photos: list[Photo], onlooker: Path | None, store: Store
) -> Iterator[tuple[Photo, dict]]:
    """`embed` of all photos, block by block; blocks in the store are not computed again."""
    finder, recogniser = load_finder(), load_recogniser()
    other = None if onlooker is None else Onlooker(onlooker)
    common = common_key(None if onlooker is None else sha256_of(onlooker))
    for start in range(0, len(photos), BLOCK):
        block = photos[start : start + BLOCK]
        key = common | photos_key(people, block) | {"block": len(block)}
        rows = store.measured(
            key, lambda block=block: embed(people, finder, recogniser, other, block)
        ).value
        yield from zip(block, rows, strict=True)


def measure(people: People, pairs: list[Pair], onlooker: Path | None, store: Store) -> dict:
    """The rows, and how many photos had no face, as they are published."""
    photos = photos_of(pairs)
    embedded = dict(embeddings(people, photos, onlooker, store))

    def vectors(kind: str) -> dict[Photo, np.ndarray]:
        return {photo: np.array(row[kind], np.float32) for photo, row in embedded.items()}

    same = np.array([pair.same for pair in pairs])
    ours = vectors("embedding")
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
    if onlooker is not None:
        others = vectors("onlooker")
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
    lost = sum(not row["detected"] for row in embedded.values())
    return {"rows": rows, "photos_without_a_face": lost}


def known(before: dict, keys: list[dict], pairs: list[Pair]) -> Iterator[Entry | None]:
    """The entry of an earlier result, also of one without a key."""
    if not before:
        return
    value = {part: before[part] for part in ("rows", "photos_without_a_face")}
    if KEY in before:
        yield Entry(before[KEY], value, before["hardware"], before["versions"])
        return
    count = {"n_pairs": len(pairs), "n_photos": len(photos_of(pairs))}
    file = MODELS[RECOGNISER].file
    recorded = {"seed": SEED, "weights": {file: locate(RECOGNISER).sha256}}
    for key in keys:
        # Of the onlooker such a result records only that it took part: the pinned file.
        took_part = SHA256 if len(before["rows"]) == 2 else None
        if key["onlooker"] == took_part and count.items() <= before["rows"][0].items():
            yield without_key(key, value, before, recorded)
