"""Every method on the same photos of LFW: what it changes, what it costs, whether it holds.

Three protocols. closed-set: a gallery of the people, be taken for another (targeted: for a given
one). dodging: distance above 0.6 to every enrolled photo of the person. lasting: dodging that
also holds for JPEG 75, half size, and half size with JPEG 80, by real codecs. A success is a
verdict of `engine.verdict` on the bytes of the PNG.

Long work in small pieces: each photo's result is a file below runs/cloak/, and what is there is
not computed again. Photos of a batch advance together.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.attack.methods import ABLATIONS, METHODS
from engine.cloak import Cloak, Cloaked, Job, Threshold, eye
from engine.gallery import Gallery, Identity, Matching
from engine.image import decode
from engine.models import MODELS, RECOGNISER
from engine.session import available_cores

from .cloak_metrics import jod, quality
from .lfw import People, Subject, enrol
from .record import read_json, write
from .unseen import Unseen

SEED = 0
BATCH = 10
JND = "hvs-sd"
OTHER_JNDS = ("chou1995", "yang2005", "liu2010", "wu2013", "wu2017", "rgb2022")
MAIN = tuple(name for name in METHODS if name not in ABLATIONS)
ENDURING = ("bim", "pgd", "di2-fgsm", "ddn", "perc-al", "paper", "ours")
JOD_PHOTOS = 20  # of each row: the metric takes longer than some attacks


@dataclass(frozen=True)
class Row:
    """One line of the table: a method under a protocol, with a model of the eye."""

    method: str
    protocol: str
    targeted: bool = False
    jnd: str = JND

    @property
    def name(self) -> str:
        parts = [self.protocol, self.method]
        parts += ["targeted"] * self.targeted + [self.jnd] * (self.jnd != JND)
        return "-".join(parts)


def plan() -> list[Row]:
    """All rows, the most wanted first."""
    rows = [Row("ours", "lasting"), Row("pgd", "lasting")]
    for protocol, targeted in (("closed-set", False), ("closed-set", True), ("dodging", False)):
        rows += [Row(name, protocol, targeted) for name in reversed(MAIN)]
    rows += [Row(name, "lasting") for name in ENDURING if name not in ("ours", "pgd")]
    rows += [Row(name, "closed-set") for name in ABLATIONS]
    rows += [Row("paper", "closed-set", jnd=name) for name in OTHER_JNDS]
    return rows


def derangement(count: int) -> np.ndarray:
    """A target for each person, never the person: int64 count."""
    order = np.random.default_rng(SEED).permutation(count)
    target = np.empty(count, np.int64)
    target[order] = np.roll(order, 1)
    return target


def jobs_for(row: Row, gallery: Gallery, subjects: list[Subject]) -> list[Job]:
    targets = derangement(len(gallery.names))
    jobs = []
    for subject in subjects:
        label = subject.label
        if row.protocol == "closed-set":
            aim = int(targets[label]) if row.targeted else label
            goal = Identity(gallery, aim, row.targeted)
        else:
            goal = Matching(subject.enrolled)
        jobs.append(Job(subject.pixels, subject.face, goal))
    return jobs


def remembered(threshold: Threshold) -> Threshold:
    """The same J without computing it twice for a photo."""
    known: dict[bytes, np.ndarray] = {}

    def look(pixels: np.ndarray) -> np.ndarray:
        key = hashlib.sha256(pixels.tobytes()).digest()
        if key not in known:
            known[key] = threshold(pixels)
        return known[key]

    return look


def measure(
    cloak: Cloak, row: Row, job: Job, done: Cloaked, unseen: Unseen | None, with_jod: bool
) -> dict:
    """One photo's numbers, those of the eye on the decoded PNG."""
    after = decode(done.png).pixels
    clean = cloak.finder.describe(job.pixels, job.face)
    found = {
        "success": done.verdict.reached,
        "agree": done.verdict.agree,
        "distance": done.verdict.distance,
        "distances": done.verdict.distances,
        "versions_reached": {
            seen.version: job.goal.reached(seen.descriptor) for seen in done.verdict.seen
        },
        "moved": float(np.linalg.norm(done.verdict.seen[0].descriptor - clean)),
        "attempts": done.attempts,
        "gradients": done.gradients,
        "seconds": done.seconds,
    }
    found |= quality(job.pixels, after, cloak.threshold(job.pixels))
    if with_jod:
        found["jod"] = jod(job.pixels, after)
    if unseen is not None:
        face = done.verdict.seen[0].face
        one, two = unseen.describe(job.pixels, job.face), unseen.describe(after, face)
        found["unseen_similarity"] = float(one @ two)
    return found


def summary(row: Row, photos: list[dict]) -> dict:
    """One row of the published table: means over the photos on which the method succeeded."""
    won = [photo for photo in photos if photo["success"]]
    whole = {
        "method": row.method,
        "protocol": row.protocol,
        "targeted": row.targeted,
        "jnd": row.jnd,
        "n": len(photos),
        "success": len(won) / len(photos),
        "recognisers_agree": float(np.mean([photo["agree"] for photo in photos])),
        "gradients": float(np.mean([photo["gradients"] for photo in photos])),
        "seconds": float(np.mean([photo["seconds"] for photo in photos])),
    }
    for name in photos[0]["versions_reached"] if row.protocol == "lasting" else ():
        rate = float(np.mean([photo["versions_reached"][name] for photo in photos]))
        whole.setdefault("versions", {})[name] = rate
    keys = ("psnr_db", "ssim", "delta_e_mean", "delta_e_99", "beyond_jnd_share", "largest_change")
    for key in (*keys, "distance", "moved", "unseen_similarity", "jod"):
        values = [photo[key] for photo in won if photo.get(key) is not None]
        finite = np.array([value for value in values if np.isfinite(value)])
        if len(finite):
            whole |= {key: float(finite.mean()), f"{key}_std": float(finite.std())}
            if key == "jod":
                whole["jod_n"] = len(finite)
    return whole


def fingerprint(row: Row, count: int) -> str:
    """Changes with anything that decides a photo's result: the code of the attack, the gallery."""
    engine = Path(sys.modules["engine"].__file__).parent
    names = ("cloak", "verdict", "faces", "chip", "alignment", "recogniser", "gallery")
    files = [engine / f"{name}.py" for name in names] + sorted((engine / "attack").glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    digest.update(f"{row.name} {count} {SEED}".encode())
    return digest.hexdigest()[:12]


def run_row(
    row: Row,
    cloak: Cloak,
    gallery: Gallery,
    subjects: list[Subject],
    runs: Path,
    unseen: Unseen | None,
) -> list[dict]:
    """All photos of one row, those that are done already read from runs/cloak/ROW/PRINT/."""
    folder = runs / "cloak" / row.name / fingerprint(row, len(subjects))
    folder.mkdir(parents=True, exist_ok=True)
    jobs = jobs_for(row, gallery, subjects)
    paths = [folder / f"{number:03}.json" for number in range(len(jobs))]
    missing = [number for number, path in enumerate(paths) if not path.is_file()]
    for start in range(0, len(missing), BATCH):
        numbers = missing[start : start + BATCH]
        batch = [jobs[number] for number in numbers]
        *_, results = cloak.run(batch, row.method, lasting=row.protocol == "lasting", seed=SEED)
        for number, job, done in zip(numbers, batch, results, strict=True):
            found = measure(cloak, row, job, done, unseen, number < JOD_PHOTOS)
            part = paths[number].with_suffix(".part")
            part.write_text(json.dumps(found))
            part.replace(paths[number])
        print(f"{row.name}: {paths.index(paths[numbers[-1]]) + 1} of {len(jobs)}", file=sys.stderr)
    return [read_json(path) for path in paths]


def stored_gallery(people: People, cloak: Cloak, count: int, runs: Path):
    """`training.lfw.enrol`, its descriptors kept in runs/cloak/."""
    path = runs / "cloak" / f"gallery-{count}.npz"
    if not path.is_file():
        gallery, subjects = enrol(people, cloak.finder, cloak.recogniser, count)
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = io.BytesIO()
        np.savez(
            stream,
            names=np.array(gallery.names),
            centroids=gallery.centroids,
            temperature=gallery.temperature,
            people=np.array([subject.person for subject in subjects]),
            labels=np.array([subject.label for subject in subjects]),
            pixels=np.stack([subject.pixels for subject in subjects]),
            boxes=np.array([subject.face.box for subject in subjects]),
            enrolled=np.stack([subject.enrolled for subject in subjects]),
            skipped=np.array([subject.skipped for subject in subjects]),
        )
        path.write_bytes(stream.getvalue())
    with np.load(path) as kept:
        kept = dict(kept)
    gallery = Gallery(tuple(kept["names"]), kept["centroids"], float(kept["temperature"]))
    subjects = []
    for place, pixels in enumerate(kept["pixels"]):
        face = cloak.finder.at(pixels, tuple(int(value) for value in kept["boxes"][place]))
        subjects.append(
            Subject(
                str(kept["people"][place]),
                int(kept["labels"][place]),
                pixels,
                face,
                kept["enrolled"][place],
                int(kept["skipped"][place]),
            )
        )
    return gallery, subjects


def evaluate_cloak(
    data: str,
    unseen: Path | None,
    count: int | None,
    command: str,
    runs: Path,
    *,
    only: str | None = None,
    threshold: Callable[[str], Threshold] = eye,
) -> Path:
    """All rows of `plan` on `count` people (100) -> results/cloak_lfw.json.

    only: rows whose name contains this; then nothing is written but runs/cloak/, and the rows are
    printed. threshold: model name -> J, for tests.
    """
    torch.set_num_threads(available_cores())
    rows = [row for row in plan() if only is None or only in row.name]
    other = Unseen(unseen) if unseen is not None and unseen.is_file() else None
    thresholds = {name: remembered(threshold(name)) for name in {row.jnd for row in rows}}
    cloaks = {name: Cloak(look) for name, look in thresholds.items()}
    first = next(iter(cloaks.values()))
    gallery, subjects = stored_gallery(People(Path(data)), first, count or 100, runs)
    results = []
    for row in rows:
        photos = run_row(row, cloaks[row.jnd], gallery, subjects, runs, other)
        results.append(summary(row, photos))
        print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    if only is not None:
        return runs / "cloak"
    model = MODELS[RECOGNISER]
    return write(
        "cloak_lfw",
        command=command,
        data="lfw: deep-funneled, JPEG quality 50",
        weights={model.file: model.sha256},
        sections={
            "seed": SEED,
            "people": len(gallery.names),
            "photos": len(subjects),
            "photos_passed_over": sum(subject.skipped for subject in subjects),
            "temperature": gallery.temperature,
            "rows": results,
        },
    )
