"""Measure what ships: the exported graphs, through the engine. `python -m training evaluate`.

What a section of machine_cifar10.json says of one generator is kept under RUNS/evaluated as soon
as it is measured, so a stopped evaluation goes on, and a new generator is measured alone; other
weights or other pictures are measured anew. Delete that folder after a change of this code.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from engine.controls import CONTROLS, match
from engine.image import to_batch, to_pixels
from engine.machine import STEPS, MachineJND
from engine.models import (
    BEST,
    EMBEDDED,
    ENVIRONMENT,
    GENERATORS,
    MODELS,
    PANEL,
    PROVENANCE,
    UNSEEN,
)
from engine.quality import psnr
from engine.session import Session, open_session

from .data import DataError, LabelledImages, load
from .measure import (
    Distortion,
    Look,
    answer,
    answer_alone,
    batches,
    distort,
    look,
    measure,
    percentiles,
    rate,
    rates,
    spread,
    standard_error,
    summarise,
)
from .record import read_json, write

SEED = 0
MERGED = "merged"  # the paper's own network: its figures are repeated
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8)
CURVE = 2000  # test images of the trade-off curve
SEARCHED = 500  # test images of the per-image search


def evaluate_classifiers(data: str, weights: Path | None, count: int | None, command: str) -> Path:
    """Test accuracy of each shipped classifier -> results/classifiers_cifar10.json."""
    test = load(data, "test").first(count)
    machine = MachineJND(weights=weights, device="cpu", generator=present(weights)[0])
    answers = answer(machine, test.images)
    outside = unseen(weights)
    columns = {model: answers[:, column] for column, model in enumerate(PANEL)}
    columns |= {model: answer_alone(session, test.images) for model, session in outside.items()}
    rows = []
    for model, own in columns.items():
        note = trained_with(weights, model)
        share = float((own == test.labels).mean())
        rows.append(
            {
                "classifier": note["classifier"],
                "in_the_panel": model in PANEL,
                "test_accuracy": share,
                "standard_error": standard_error(share, len(test)),
                "n_test": len(test),
                "n_train": note["n_train"],
                "parameters": note["parameters"],
                "training_seconds": note["seconds"] + (note.get("earlier") or {}).get("seconds", 0),
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
        weights=digests(weights, *columns),
        sections={"rows": rows, "all_panel_classifiers_agree": agree},
    )


def evaluate_machine(
    data: str,
    weights: Path | None,
    count: int | None,
    runs: Path,
    command: str,
    chosen: Sequence[str] | None = None,
) -> Path:
    """RCA and PSNR of the shipped generators and what belongs to them.

    count: at most that many pictures, the first, of each split; chosen: which of `SECTIONS`, by
    default all, beside those that were measured before. Writes results/machine_cifar10.json.
    """
    if weights is None and os.environ.get(ENVIRONMENT):
        raise DataError(f"{ENVIRONMENT} is set: unset it, or say --weights DIR")
    subject = Subject(data, weights, count)
    files = digests(weights, *subject.models)
    pictures = hashlib.sha256(subject.pictures("test").images.tobytes()).hexdigest()
    constants = [SEED, STEPS, STRENGTHS, CURVE, SEARCHED, list(CONTROLS)]

    def measured(section: str, name: str) -> object:
        """What a section says of one generator, now or in an earlier run."""
        compared = subject.generators if section == "search" else [name]
        outside = subject.unseen if section in OUTSIDE else ()
        models = (*PANEL, *(GENERATORS[each] for each in compared), *outside)
        known = json.dumps(["one each", digests(weights, *models), count, pictures, constants])
        folder = hashlib.sha256(known.encode()).hexdigest()[:12]
        path = runs / "evaluated" / folder / f"{section}.json"
        if not path.exists() and not (chosen is None or section in chosen):
            return None
        return remembered(path, lambda: SECTIONS[section](subject, name), f"{section} of {name}")

    sections = {"seed": SEED, "training": {}, "history": {}}
    for name in subject.generators:
        note = trained_with(weights, GENERATORS[name])
        kept = ("generator", "preset", "parameters", "seconds", "command")
        sections["training"][name] = {part: note[part] for part in kept}
        if earlier := note.get("earlier"):  # the generator that this one goes on from
            sections["training"][name]["earlier"] = {part: earlier[part] for part in kept}
        sections["history"][name] = note["history"]
    for name in chosen or ():
        if name not in SECTIONS:
            raise DataError(f"no section {name}: choose from {', '.join(SECTIONS)}")
    for section in SECTIONS:
        of_best = (subject.best,) if section in OF_THE_BEST else subject.generators
        each = {name: measured(section, name) for name in of_best}
        lacking = [name for name, found in each.items() if found is None]
        if not lacking:
            sections[section] = assembled(section, each)
        elif len(lacking) < len(each):
            print(f"{section} left out: not of {', '.join(lacking)}", file=sys.stderr, flush=True)
    return write(
        "machine_cifar10", command=command, data=subject.source, weights=files, sections=sections
    )


def assembled(section: str, each: dict[str, object]) -> object:
    """A section of all generators from what it says of each; rows of the test images first."""
    if section not in AS_ROWS:
        return next(iter(each.values())) if section in OF_THE_BEST else each
    rows = [row for found in each.values() for row in found]
    return sorted(rows, key=lambda row: row.get("split") == "train")


def remembered(path: Path, make: Callable[[], object], name: str) -> object:
    """What `make` measured, now or in an earlier run."""
    if not path.exists():
        started = time.monotonic()
        value = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(value))
        part.rename(path)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return read_json(path)


class Subject:
    """The models and pictures of one evaluation; what several sections need is made once."""

    def __init__(self, data: str, weights: Path | None, count: int | None):
        self.data, self.weights, self.count = data, weights, count
        self.generators = present(weights)
        self.best = BEST if BEST in self.generators else self.generators[0]
        self.machines = {
            name: MachineJND(weights=weights, device="cpu", generator=name)
            for name in self.generators
        }
        self.panel = self.machines[self.best]
        self.unseen = unseen(weights)
        generators = (GENERATORS[name] for name in self.generators)
        self.models = (*PANEL, *generators, *self.unseen)
        self.source = self.pictures("test").source

    # One subject lives as long as the process.
    @cache  # noqa: B019
    def pictures(self, split: str) -> LabelledImages:
        return load(self.data, split).first(self.count)

    @cache  # noqa: B019
    def look(self, split: str) -> Look:
        return look(self.panel, self.pictures(split).images)

    @cache  # noqa: B019
    def distorted(self, name: str) -> Distortion:
        """The test images, each as one generator changes it."""
        return distort(self.machines[name], self.look("test"))


def measure_rows(subject: Subject, name: str) -> list[dict]:
    """One generator on both splits."""
    machine, rows = subject.machines[name], []
    for split in ("test", "train"):
        looked = subject.look(split)
        made = subject.distorted(name) if split == "test" else distort(machine, looked)
        kept = answer(machine, made.pixels) == looked.labels
        row = summarise(machine, looked, made.pixels, kept)
        row |= spread("psnr_unclipped_db", psnr(made.change))
        row |= by_agreement(looked, kept)
        rows.append({"generator": name, "split": split} | row)
    return rows


def by_agreement(looked: Look, kept: np.ndarray) -> dict:
    """RCA of the images that the whole panel says the same of, and of the others. kept N×P."""
    same = (looked.labels == looked.labels[:, :1]).all(1)
    return {
        "panel_agrees": float(same.mean()),
        "rca_where_it_agrees": float(kept[same].mean()) if same.any() else None,
        "rca_where_it_does_not": float(kept[~same].mean()) if not same.all() else None,
    }


def measure_controls(subject: Subject, name: str) -> list[dict]:
    """Ordinary distortions with each test picture's own PSNR, as far as they can be that strong."""
    looked, rows = subject.look("test"), []
    made = subject.distorted(name)
    wanted = psnr(to_batch(made.pixels) - to_batch(looked.images))
    for control, make in CONTROLS.items():
        pixels = match(looked.images, wanted, make(looked.images, SEED))
        row = measure(subject.panel, looked, pixels)
        rows.append({"control": control, "of": name, "split": "test"} | row)
    return rows


def measure_homogeneity(subject: Subject, name: str) -> dict:
    """k/9 · E for k = 9…1 on the test images.

    RCA per k, and the share of images that keep their label at every k below nine.
    """
    looked, machine = subject.look("test"), subject.machines[name]
    clean, change = to_batch(looked.images), subject.distorted(name).change
    rows, every = [], np.ones_like(looked.labels, bool)
    for k in range(STEPS, 0, -1):
        weakened = to_pixels(clean + change * np.float32(k / STEPS))
        kept = answer(machine, weakened) == looked.labels
        rows.append({"k": k} | rates(machine, kept))
        if k < STEPS:
            every &= kept
    each = dict(zip(machine.classifiers, every.mean(0).tolist(), strict=True))
    return {
        "rows": rows,
        "every_k_keeps": float(every.mean()),
        "every_k_keeps_per_classifier": each,
        "every_k_keeps_all_labels": float(every.all(1).mean()),
    }


def measure_verified(subject: Subject, name: str) -> dict:
    """Verified mode: per image the strongest E found that keeps all labels; PSNR and scale of it.

    The PSNR is over the images that are changed at all; the others are counted.
    """
    looked, machine = subject.look("test"), subject.machines[name]
    parts = [
        machine.verified(looked.images[rows], looked.logits[rows], looked.cams[rows])
        for rows in batches(len(looked.images))
    ]
    _, scale, pixels = (np.concatenate(each) for each in zip(*parts, strict=True))
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


def measure_unseen(subject: Subject, name: str) -> list[dict]:
    """Do classifiers outside the panel keep their answers? A row per classifier.

    clean_agreement: how often the outside classifier and one of the panel say the same of the
    clean image, mean over the panel: what a change that told the panel's answer could reach.
    """
    looked, pixels, rows = subject.look("test"), subject.distorted(name).pixels, []
    noise = psnr(to_batch(pixels) - to_batch(looked.images))
    for session in subject.unseen.values():
        before = answer_alone(session, looked.images)
        agreement = float((looked.labels == before[:, None]).mean())
        rows.append(
            {"generator": name, "classifier": session.contract["classifier"]}
            | rate(answer_alone(session, pixels) == before)
            | {"clean_agreement": agreement}
            | spread("psnr_db", noise)
        )
    return rows


def measure_curve(subject: Subject, name: str) -> list[dict]:
    """RCA against PSNR, on the panel and outside, over the strengths a generator can be asked."""
    looked, machine, rows = subject.look("test").first(CURVE), subject.machines[name], []
    if "strength" not in machine.generator.inputs:
        return rows
    before = {m: answer_alone(session, looked.images) for m, session in subject.unseen.items()}
    for strength in STRENGTHS:
        made = distort(machine, looked, strength)
        row = measure(machine, looked, made.pixels)
        row |= spread("psnr_unclipped_db", psnr(made.change))
        row["rca_unseen"] = {
            session.contract["classifier"]: float(
                (answer_alone(session, made.pixels) == before[model]).mean()
            )
            for model, session in subject.unseen.items()
        }
        rows.append({"generator": name, "strength": strength} | row)
    return rows


def measure_search(subject: Subject, name: str) -> dict:
    """The per-image search and the generators, verified, on the same test images.

    name: of the generator whose aim the search takes.
    """
    from engine.search import Searcher

    looked = subject.look("test").first(SEARCHED)
    searcher = Searcher(weights=subject.weights, device="cpu")
    preset = trained_with(subject.weights, GENERATORS[name])["preset"]
    changes = []
    started = time.monotonic()
    for rows in batches(len(looked.images)):
        *_, last = searcher.steps(
            looked.images[rows],
            alpha=preset["alpha"],
            beta=preset["beta"],
            wanted=preset["wanted"],
            seed=SEED,
        )
        changes.append(last.change)
    seconds = (time.monotonic() - started) / len(looked.images)
    found = {"search": np.concatenate(changes)}
    found |= {n: subject.distorted(n).change[: len(looked.images)] for n in subject.machines}
    rows = []
    for method, change in found.items():
        _, pixels = subject.panel.tolerated(looked.images, change, looked.labels)
        noise = psnr(to_batch(pixels) - to_batch(looked.images))
        changed = np.isfinite(noise)
        rows.append(
            {"method": method}
            | rates(subject.panel, answer(subject.panel, pixels) == looked.labels)
            | spread("psnr_db", noise[changed])
            | {"unchanged_images": int((~changed).sum())}
        )
    return {"steps": last.total, "search_seconds_per_image": seconds, "rows": rows}


SECTIONS: dict[str, Callable[[Subject, str], object]] = {
    "rows": measure_rows,
    "controls": measure_controls,
    "homogeneity": measure_homogeneity,
    "verified": measure_verified,
    "unseen": measure_unseen,
    "curve": measure_curve,
    "search": measure_search,
}
OUTSIDE = ("unseen", "curve")  # the sections that ask classifiers outside the panel
OF_THE_BEST = ("controls", "search")  # those about the best generator, not about each
AS_ROWS = ("rows", "controls", "unseen", "curve")  # those that are lists


def provenance(weights: Path | None) -> dict[str, dict]:
    return read_json((weights or EMBEDDED) / PROVENANCE)["files"]


def present(weights: Path | None) -> list[str]:
    """The generators that these weights hold."""
    held = provenance(weights)
    return [name for name, model in GENERATORS.items() if MODELS[model].file in held]


def unseen(weights: Path | None) -> dict[str, Session]:
    """The classifiers outside the panel that these weights hold."""
    held = provenance(weights)
    return {
        model: open_session(model, weights=weights, device="cpu")
        for model in UNSEEN
        if MODELS[model].file in held
    }


def trained_with(weights: Path | None, model: str) -> dict:
    """What provenance.json says of how one row of `MODELS` was trained."""
    return provenance(weights)[MODELS[model].file]["training"]


def digests(weights: Path | None, *models: str) -> dict[str, str]:
    """File name -> sha256 of the models that are measured."""
    files = [MODELS[model].file for model in models]
    return {file: provenance(weights)[file]["sha256"] for file in files}
