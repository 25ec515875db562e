"""Protection against visibility, `training evaluate protection` -> results/protection.json.

Every row protects the same photos of the same people, one entry of `training.records.store` each,
so that a stopped evaluation goes on. A black box, a recogniser that took part in nothing, is given
the finished photos, as PNG and as JPEG 75, and the people's other photos; its thresholds come from
people of another group. Then large portraits, where they are at hand. A look, by `--count` or
`--only`, is of the people on whom settings are chosen, and only the recognisers of the engine look
at them.
"""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.cloak.loading import load_cloak
from engine.faces.finder import Face, FaceFinder, load_finder
from engine.faces.recognisers import RECOGNISERS
from engine.images.parts import around
from engine.images.saved import reencoded
from engine.metrics.quality import psnr_8bit, ssim
from engine.models.locate import locate

from ...data.lfw import People, publish
from ...records.store import Entry, Store, origin
from ...records.versions import METHOD_VERSIONS
from ..cloak.held_out_recogniser import SHA256, Onlooker
from ..cloak.metrics import viewed
from . import portraits
from .people import SHARES, Person, black_box_thresholds, matched, persons
from .plan import Row, rows

NAME = "protection"
PEOPLE = 60
PORTRAITS = "portraits"  # a folder beside that of LFW
FILES = {"png": lambda pixels: pixels, "jpeg75": lambda pixels: reencoded(pixels, "JPEG", 75)}
BLACK = "black box"
SHOWN = ("psnr_db", "face_psnr_db", "face_ssim", "jod", "jod_twice", "seconds")


@lru_cache(maxsize=1)
def cloak_of(jnd: str, against: tuple[str, ...]):
    return load_cloak(jnd, "cpu", None, against)


def key_of(row: Row, person: Person, box: Onlooker | None) -> dict:
    """What decides one protected photo and what is measured of it."""
    whole = hashlib.sha256()
    for pixels, _ in ((person.pixels, None), *person.gallery, *person.probes):
        whole.update(pixels.tobytes())
    return {
        "section": NAME,
        "version": METHOD_VERSIONS[NAME],
        "faces": METHOD_VERSIONS["faces"],
        "row": row.settings,
        "against": row.against,
        "jnd": row.jnd,
        "recognisers": {name: locate(each.model).sha256 for name, each in RECOGNISERS.items()},
        "black_box": None if box is None else SHA256,
        "photos": whole.hexdigest()[:16],
    }


def measured(row: Row, person: Person, box: Onlooker | None) -> dict:
    """One person's numbers: how visible it is, and how far it is from whom to whom."""
    cloak = cloak_of(row.jnd, row.against)
    started = time.monotonic()
    pixels = row.make(cloak, person)
    seconds = time.monotonic() - started
    near = around(person.face.box, *pixels.shape[1::-1])
    before, after = person.pixels[near], pixels[near]
    changed = bool((pixels != person.pixels).any())
    return {
        "psnr_db": psnr_8bit(person.pixels, pixels) if changed else None,
        "face_psnr_db": psnr_8bit(before, after) if changed else None,
        "face_ssim": ssim(before, after),
        "jod": viewed(before, after),
        "jod_twice": viewed(twice(before), twice(after)),
        "seconds": seconds,
        "distances": {
            name: distances(cloak.finder, FILES[name](pixels), person, box) for name in FILES
        },
    }


def twice(pixels: np.ndarray) -> np.ndarray:
    """uint8 H×W×3 at two times its size."""
    height, width = pixels.shape[:2]
    large = Image.fromarray(pixels).resize((2 * width, 2 * height), Image.Resampling.BICUBIC)
    return np.asarray(large)


def distances(
    finder: FaceFinder, pixels: np.ndarray, person: Person, box: Onlooker | None
) -> dict[str, dict]:
    """By recogniser, of a finished file: to its own original, and to each probe."""
    face, _ = finder.find_again(pixels, person.face.box, person.face.turn)
    mine, known = describe(finder, pixels, face, box), known_of(finder, person, box)
    found = {}
    for name, others in known.items():
        apart = 1 - others @ mine[name] if name == BLACK else norms(others - mine[name])
        own, *probes = apart.tolist()
        found[name] = {"own": own, "others": probes}
    return found


def norms(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=1)


def describe(
    finder: FaceFinder, pixels: np.ndarray, face: Face, box: Onlooker | None
) -> dict[str, np.ndarray]:
    """A face's embeddings, by recogniser."""
    found = {name: row.describe(finder, pixels, face) for name, row in RECOGNISERS.items()}
    return found if box is None else found | {BLACK: box.describe(pixels, face)}


@lru_cache(maxsize=2 * PEOPLE)
def known_of(finder: FaceFinder, person: Person, box: Onlooker | None) -> dict[str, np.ndarray]:
    """Embeddings n×D by recogniser: of the photo itself, then of the probes."""
    photos = (person.pixels, person.face), *person.probes
    each = [describe(finder, *photo, box) for photo in photos]
    return {name: np.stack([one[name] for one in each]) for name in each[0]}


def summary(row: Row, each: list[dict], thresholds: dict[str, dict[str, float]]) -> dict:
    """A row's means and deviations over people, and its match rates. A person counts once."""
    numbers: dict = {"row": row.name, "against": row.against, "n": len(each)}
    for name in SHOWN:
        values = [one[name] for one in each if one[name] is not None]
        if values:
            numbers |= {name: float(np.mean(values)), f"{name}_std": float(np.std(values))}
    for file in FILES:
        for who, limits in thresholds.items():
            for share, limit in limits.items():
                others = [matched(one["distances"][file][who]["others"], limit) for one in each]
                own = [one["distances"][file][who]["own"] < limit for one in each]
                numbers[f"{who}, {file}, {share}"] = {
                    "others": float(np.mean(others)),
                    "others_error": float(np.std(others) / len(others) ** 0.5),
                    "own": float(np.mean(own)),
                }
    return numbers


def evaluate_protection(
    data: str,
    onlooker: Path,
    count: int | None,
    runs: Path,
    command: str,
    only: str | None = None,
) -> Path:
    """-> results/protection.json, or RUNS/protection for a look.

    onlooker: the black box; count: only so many people; only: just rows whose name contains it.
    """
    look = count is not None or only is not None
    torch.set_num_threads(1)
    people, finder = People(Path(data)), load_finder()
    taken = persons(people, finder, "choose" if look else "report", count or PEOPLE)
    thresholds = {
        name: {f"{share:g}": each.false_matches[share] for share in SHARES}
        for name, each in RECOGNISERS.items()
    }
    box = None if look else Onlooker(onlooker)
    if box is not None:
        thresholds[BLACK] = black_box_thresholds(people, finder, box)
    store = Store(runs, NAME)
    entries: list[Entry] = []

    def part(lines: list[Row], photos: list[Person]) -> dict:
        """n, probes, gallery, rows; of all that is measured for them an entry."""
        found = []
        for row in lines:
            if only is not None and only not in row.name:
                continue
            own = [
                store.measured(
                    key_of(row, person, box), lambda r=row, p=person: measured(r, p, box)
                )
                for person in photos
            ]
            entries.extend(own)
            found.append(summary(row, [entry.value for entry in own], thresholds))
        first = photos[0]
        counts = {"probes": len(first.probes), "gallery": len(first.gallery)}
        return {"n": len(photos), **counts, "rows": found}

    own = part(rows(), taken)
    large = [] if look else portraits.portraits(Path(data).with_name(PORTRAITS), finder)
    beside = {"portraits": part(portraits.rows(), large)} if large else {}
    sections = {**origin(entries), "seed": 0, "thresholds": thresholds, **own, **beside}
    models = [each.model for each in RECOGNISERS.values()][1:]
    return publish(NAME, command, sections, models, runs / NAME if look else None)
