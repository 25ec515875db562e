"""How good each recogniser is that a cloak can be made against, in one run on the same photos.

People of LFW are split in groups by their name (`.groups`). Thresholds for a share of false matches
come from all pairs of different people of one group; everything else is reported on people of two
others: `pairs.tsv` where both are of them, and the share of false matches on all pairs of their
photos. The framing of faceres was chosen on people of a fourth group. Faces are found as for a
cloak; a photo without one is described at LFW's own place for it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from engine.faces.finder import Face, FaceFinder, load_finder
from engine.faces.recognisers import RECOGNISERS
from engine.models.locate import locate, sha256_of
from engine.networks.faces.faceres import FaceRes
from engine.networks.faces.loading import load

from ...data.groups import FRAMING, GROUPS, REPORTED, THRESHOLDS, group
from ...data.lfw import Pair, People, centre_face, publish
from ...records.store import KEY, Store, origin
from ...records.versions import METHOD_VERSIONS
from .distances import apart, area, between, threshold_at

BLOCK = 100  # photos whose embeddings are one entry of the store
SHARES = (0.01, 0.001)  # of false matches
WHOLE = "faceres, as published"
Photo = tuple[str, int]  # person, index from 1


def evaluate_recognisers(
    data: str, whole: Path, count: int | None, runs: Path, command: str
) -> Path:
    """Every recogniser on LFW -> results/recognisers.json.

    whole: faceres with its weights as published, by `python -m export.faces.faceres`; left out
    where missing. count: only every so many pairs that this many remain: a look, its JSON in runs.
    """
    people = People(Path(data))
    pairs = [
        pair
        for pair in people.pairs
        if {group(pair.one[0]), group(pair.two[0])} <= {*THRESHOLDS, *REPORTED}
    ]
    pairs = pairs[:: max(1, len(pairs) // count)] if count else pairs
    deciding, reported = (photos_of(pairs, groups) for groups in (THRESHOLDS, REPORTED))
    known = {*reported}
    pairs = [pair for pair in pairs if {pair.one, pair.two} <= known]
    networks = {name: load(name) for name in RECOGNISERS}
    weights = {name: locate(row.model).sha256 for name, row in RECOGNISERS.items()}
    if whole.is_file():
        networks[WHOLE], weights[WHOLE] = load_whole(whole), sha256_of(whole)
    store = Store(runs, "recognisers")
    entries, rows = [], []
    embedded: dict[str, dict[Photo, np.ndarray]] = {name: {} for name in networks}
    lost = 0
    finder = load_finder()
    photos = [*deciding, *reported]
    for start in range(0, len(photos), BLOCK):
        block = photos[start : start + BLOCK]
        entry = store.measured(
            block_key(people, block, weights),
            lambda block=block: embed(people, finder, networks, block),
        )
        entries.append(entry)
        lost += entry.value["without_a_face"]
        for name in networks:
            numbers = decoded(entry.value["embeddings"][name], len(block))
            embedded[name] |= dict(zip(block, numbers, strict=True))
    for name, vectors in embedded.items():
        rows.append({"recogniser": name, **measured(name, vectors, deciding, reported, pairs)})
    if WHOLE in embedded:
        cosines = [float(embedded["faceres"][each] @ embedded[WHOLE][each]) for each in photos]
        rows[-1]["cosine_to_8_bits"] = {"least": min(cosines), "mean": float(np.mean(cosines))}
    sections = {
        **origin(entries),
        "groups": {"of": GROUPS, "framing": FRAMING, "thresholds": THRESHOLDS, "report": REPORTED},
        "framing": {
            name: {"side": row.framing.side, "padding": row.framing.padding}
            for name, row in RECOGNISERS.items()
        },
        "rows": rows,
        "photos": {"thresholds": len(deciding), "report": len(reported)},
        "photos_without_a_face": lost,
        KEY: block_key(people, photos, weights),
    }
    folder = runs / "recognisers" if count else None
    return publish("recognisers", command, sections, (RECOGNISERS["faceres"].model,), folder)


def photos_of(pairs: Iterable[Pair], groups: tuple[int, ...]) -> list[Photo]:
    """The photos of pairs that show people of these groups."""
    shown = {photo for pair in pairs for photo in (pair.one, pair.two)}
    return sorted(photo for photo in shown if group(photo[0]) in groups)


def load_whole(path: Path) -> FaceRes:
    """faceres with its weights as published."""
    network = FaceRes()
    network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    network = network.to(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)


def block_key(people: People, photos: list[Photo], weights: dict[str, str]) -> dict:
    """What decides the embeddings of these photos."""
    whole = hashlib.sha256()
    for person, index in photos:
        whole.update(people.photos[person][index - 1])
    return {
        "section": "recognisers",
        "version": METHOD_VERSIONS["recognisers"],
        "faces": METHOD_VERSIONS["faces"],
        "weights": weights,
        "framing": {
            name: [row.framing.side, row.framing.padding] for name, row in RECOGNISERS.items()
        },
        "photos": whole.hexdigest()[:16],
    }


def embed(people: People, finder: FaceFinder, networks: dict, photos: list[Photo]) -> dict:
    """The embeddings of photos by every network, and how many had no face."""
    chips: dict[str, list[np.ndarray]] = {name: [] for name in RECOGNISERS}
    lost = 0
    for person, index in photos:
        pixels = people.photo(person, index)
        face = centre_face(finder, pixels)
        lost += face is None
        face = face or at_the_centre(finder, pixels)
        for name, row in RECOGNISERS.items():
            chips[name].append(row.chip(finder, pixels, face))
    given = {name: np.stack(each) for name, each in chips.items()}
    return {
        "without_a_face": lost,
        "embeddings": {
            name: encoded(network.describe(given[name.partition(",")[0]]))
            for name, network in networks.items()
        },
    }


def at_the_centre(finder: FaceFinder, pixels: np.ndarray) -> Face:
    """Where LFW's photos have their face."""
    quarter = pixels.shape[0] // 4
    return finder.at(pixels, (quarter, quarter, 3 * quarter, 3 * quarter))


def encoded(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, np.float32).tobytes()).decode()


def decoded(text: str, count: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(count, -1)


def measured(
    name: str,
    vectors: dict[Photo, np.ndarray],
    deciding: list[Photo],
    reported: list[Photo],
    pairs: list[Pair],
) -> dict:
    """One recogniser's rates. Accuracies: same and different pairs count alike."""

    def distances(photos: list[Photo]) -> np.ndarray:
        return between(np.stack([vectors[each] for each in photos]), [each[0] for each in photos])

    others, strangers = distances(deciding), distances(reported)
    apart_by = np.array([np.linalg.norm(vectors[pair.one] - vectors[pair.two]) for pair in pairs])
    same = np.array([pair.same for pair in pairs])
    own = np.array(within(vectors, deciding))
    thresholds = {f"{share:g}": threshold_at(others, share) for share in SHARES}
    candidates = np.quantile(np.concatenate([own, others]), np.linspace(0, 1, 1000))
    balanced = max(candidates, key=lambda t: float((own < t).mean() + (others >= t).mean()))
    named = RECOGNISERS[name.partition(",")[0]]

    def rates(threshold: float) -> dict:
        matched, mistaken = (
            (apart_by[same] < threshold).mean(),
            (apart_by[~same] < threshold).mean(),
        )
        return {
            "threshold": float(threshold),
            "accuracy": float((matched + 1 - mistaken) / 2),
            "matches": float(matched),
            "false_matches": float((strangers < threshold).mean()),
        }

    return {
        "n_same": int(same.sum()),
        "n_different": int((~same).sum()),
        "area_under_curve": area(apart_by[same], apart_by[~same]),
        "area_all_pairs": area(np.array(within(vectors, reported)), strangers),
        "all_different_pairs": len(strangers),
        "as_used": rates(named.threshold),
        "most_accurate": rates(balanced),
        "at_false_matches": {share: rates(value) for share, value in thresholds.items()},
    }


def within(vectors: dict[Photo, np.ndarray], photos: list[Photo]) -> list[float]:
    """The distances of all pairs of photos of one person."""
    by_person: dict[str, list[np.ndarray]] = {}
    for photo in photos:
        by_person.setdefault(photo[0], []).append(vectors[photo])
    found = []
    for each in by_person.values():
        matrix = apart(np.stack(each), np.stack(each))
        found += matrix[np.triu_indices(len(each), 1)].tolist()
    return found
