"""The sections of machine_cifar10.json: what is measured of one generator, each a function.

All of it on the exported graphs, through the engine, on pictures clipped and rounded to 8 bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from engine.images.picture import to_batch, to_pixels
from engine.machine.baselines import CONTROLS, match_psnr
from engine.machine.homogeneity import STEPS, largest_scale
from engine.machine.jnd import MachineJND
from engine.metrics.quality import psnr
from engine.models.registry import BEST, GENERATORS, PANEL

from ...data.labelled import LabelledImages, load
from ...records.keys import digest_of
from ...records.shipped import present, unseen
from ...train.machine.looks import majority
from .measure import (
    Distortion,
    Look,
    answer,
    answer_alone,
    batches,
    changed,
    distort,
    look,
    measure,
    percentiles,
    rate,
    rates,
    spread,
    summarise,
)

SEED = 0
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8)
TRAINED = 10_000  # training images that are measured, the first; of the test images all
CURVE = 1000  # test images of the trade-off curve
SEARCHED = 500  # test images of the per-image search


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
        most = TRAINED if split == "train" else None
        return load(self.data, split).first(self.count or most)

    @cache  # noqa: B019
    def digest(self, split: str) -> str:
        """Of the pictures of a split, with which the store knows them again."""
        return digest_of(self.pictures(split).images)

    @cache  # noqa: B019
    def look(self, split: str) -> Look:
        return look(self.panel, self.pictures(split).images)

    @cache  # noqa: B019
    def distorted(self, name: str, split: str) -> Distortion:
        """The images of a split, each as one generator changes it."""
        return distort(self.machines[name], self.look(split))

    @cache  # noqa: B019
    def kept(self, name: str, split: str) -> np.ndarray:
        """Bool N×P: which answers one generator's full change leaves alone."""
        looked, pixels = self.look(split), self.distorted(name, split).pixels
        return answer(self.machines[name], pixels) == looked.labels


def measure_rows(subject: Subject, name: str) -> list[dict]:
    """One generator on both splits."""
    machine, rows = subject.machines[name], []
    for split in ("test", "train"):
        looked = subject.look(split)
        made = subject.distorted(name, split)
        kept = subject.kept(name, split)
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
    """Ordinary distortions with each picture's own PSNR, as far as they can be that strong.

    All on the test images, white noise on the training images as well, as in paper A.
    """
    rows = []
    for split, controls in (("test", CONTROLS), ("train", list(CONTROLS)[:1])):
        looked, made = subject.look(split), subject.distorted(name, split)
        wanted = psnr(to_batch(made.pixels) - to_batch(looked.images))
        for control in controls:
            pixels = match_psnr(looked.images, wanted, CONTROLS[control](looked.images, SEED))
            row = measure(subject.panel, looked, pixels)
            rows.append({"control": control, "of": name, "split": split} | row)
    return rows


def measure_homogeneity(subject: Subject, name: str) -> list[dict]:
    """k/9 · E for k = 9…1, on both splits.

    RCA per k, and the share of images that keep their label at every k below nine.
    """
    machine, found = subject.machines[name], []
    for split in ("test", "train"):
        looked = subject.look(split)
        clean, change = to_batch(looked.images), subject.distorted(name, split).change
        rows, every = [], np.ones_like(looked.labels, bool)
        rows.append({"k": STEPS} | rates(machine, subject.kept(name, split)))
        for k in range(STEPS - 1, 0, -1):
            weakened = to_pixels(clean + change * np.float32(k / STEPS))
            kept = answer(machine, weakened) == looked.labels
            rows.append({"k": k} | rates(machine, kept))
            every &= kept
        each = dict(zip(machine.panel.classifiers, every.mean(0).tolist(), strict=True))
        found.append(
            {
                "generator": name,
                "split": split,
                "rows": rows,
                "every_k_keeps": float(every.mean()),
                "every_k_keeps_per_classifier": each,
                "every_k_keeps_all_labels": float(every.all(1).mean()),
            }
        )
    return found


def measure_verified(subject: Subject, name: str) -> dict:
    """Verified mode: per image the strongest E found that keeps all labels; PSNR and scale of it.

    The PSNR is over the images that are changed at all; the others are counted.
    """
    looked, machine = subject.look("test"), subject.machines[name]
    parts = [
        machine.strongest(looked.images[rows], looked.logits[rows], looked.cams[rows])
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
    clean image, mean over the panel; majority_agreement: how often it says what most of the panel
    do, the ceiling of a change that writes their answer into the picture. rca_where_agreed: of the
    images of which it and the whole panel say the same.
    """
    looked, pixels, rows = subject.look("test"), subject.distorted(name, "test").pixels, []
    noise = psnr(to_batch(pixels) - to_batch(looked.images))
    for session in subject.unseen.values():
        before = answer_alone(session, looked.images)
        same = looked.labels == before[:, None]
        kept = answer_alone(session, pixels) == before
        rows.append(
            {"generator": name, "classifier": session.contract["classifier"]}
            | rate(kept)
            | {
                "clean_agreement": float(same.mean()),
                "majority_agreement": float((majority(looked.logits) == before).mean()),
                "all_agree": float(same.all(1).mean()),
                "rca_where_agreed": float(kept[same.all(1)].mean()) if same.all(1).any() else None,
            }
            | spread("psnr_db", noise)
        )
    return rows


def measure_curve(subject: Subject, name: str) -> list[dict]:
    """RCA against PSNR, on the panel and outside, over the strengths a generator can be asked.

    Where it cannot be asked, as the paper's, its E is multiplied by the strength.
    """
    looked, machine, rows = subject.look("test").first(CURVE), subject.machines[name], []
    asked = machine.generator.conditioned
    before = {m: answer_alone(session, looked.images) for m, session in subject.unseen.items()}
    for strength in STRENGTHS:
        if asked:
            made = distort(machine, looked, strength)
        else:
            usual = subject.distorted(name, "test").change[:CURVE]
            made = changed(looked, usual * np.float32(strength))
        row = measure(machine, looked, made.pixels)
        row |= spread("psnr_unclipped_db", psnr(made.change))
        row["rca_unseen"] = {
            session.contract["classifier"]: float(
                (answer_alone(session, made.pixels) == before[model]).mean()
            )
            for model, session in subject.unseen.items()
        }
        rows.append({"generator": name, "strength": strength, "asked": asked} | row)
    return rows


def measure_search(subject: Subject, name: str) -> dict:
    """The per-image search and the generators, verified, on the same test images.

    name: of the generator whose aim the search takes. loss: eq. 7 with that aim, of the change
    before it is verified.
    """
    from engine.machine.search import Searcher

    looked = subject.look("test").first(SEARCHED)
    searcher = Searcher(weights=subject.weights, device="cpu")
    aim = subject.machines[name].generator.aim
    parts = batches(len(looked.images))
    changes = []
    started = time.monotonic()
    for rows in parts:
        *_, last = searcher.steps(looked.images[rows], seed=SEED, **aim)
        changes.append(last.change)
    seconds = (time.monotonic() - started) / len(looked.images)
    found = {"search": np.concatenate(changes)}
    predict = subject.panel.panel.predict_labels
    _, searched = largest_scale(predict, looked.images, found["search"], looked.labels)
    pixels = {"search": searched}
    for each, machine in subject.machines.items():
        found[each] = subject.distorted(each, "test").change[: len(looked.images)]
        verified = [
            machine.strongest(looked.images[rows], looked.logits[rows], looked.cams[rows])[2]
            for rows in parts
        ]
        pixels[each] = np.concatenate(verified)
    rows = []
    for method, made in pixels.items():
        noise = psnr(to_batch(made) - to_batch(looked.images))
        changed = np.isfinite(noise)
        losses = [searcher.loss(looked.images[p], found[method][p], **aim) for p in parts]
        sizes = [len(looked.images[p]) for p in parts]
        rows.append(
            {"method": method}
            | rates(subject.panel, answer(subject.panel, made) == looked.labels)
            | spread("psnr_db", noise[changed])
            | {"unchanged_images": int((~changed).sum())}
            | {"loss": float(np.average(losses, weights=sizes))}
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
OF_THE_BEST = ("search",)  # those about the best generator, not about each
ON_BOTH = ("rows", "controls", "homogeneity")  # those that measure training images as well


def settings(section: str) -> dict:
    """What decides a section here, beside pictures and models."""
    own = {
        "curve": {"first": CURVE, "strengths": STRENGTHS},
        "search": {"first": SEARCHED},
    }
    return own.get(section, {}) | {"seed": SEED}
