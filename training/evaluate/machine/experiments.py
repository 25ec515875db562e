"""The sections of machine_cifar10.json: what is measured of one generator, each a function.

All of it on the exported graphs, through the engine, on pictures clipped and rounded to 8 bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from engine.images.picture import to_batch, to_pixels
from engine.machine.baselines import CONTROLS, match_psnr
from engine.machine.homogeneity import STEPS, largest_scale
from engine.metrics.quality import psnr

from ...train.machine.predictions import majority
from .measure import (
    Predictions,
    batches,
    changed,
    classifier_labels,
    distort,
    measure,
    panel_labels,
    percentiles,
    rate,
    rates,
    spread,
    summarise,
)
from .subject import Subject

SEED = 0
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8)
CURVE = 1000  # test images of the trade-off curve
SEARCHED = 500  # test images of the per-image search


def measure_rows(subject: Subject, name: str) -> list[dict]:
    """One generator on both splits."""
    machine, rows = subject.machines[name], []
    for split in ("test", "train"):
        clean = subject.clean(split)
        distortion = subject.distorted(name, split)
        matches = subject.matches(name, split)
        row = summarise(machine, clean, distortion.pixels, matches)
        row |= spread("psnr_unclipped_db", psnr(distortion.change))
        row |= by_agreement(clean, matches)
        rows.append({"generator": name, "split": split} | row)
    return rows


def by_agreement(clean: Predictions, matches: np.ndarray) -> dict:
    """RCA of the images of which the whole panel predicts one label, and of the others.

    matches bool N×P: whether each classifier's label is that of the clean image.
    """
    same = (clean.labels == clean.labels[:, :1]).all(1)
    return {
        "panel_agrees": float(same.mean()),
        "rca_where_it_agrees": float(matches[same].mean()) if same.any() else None,
        "rca_where_it_does_not": float(matches[~same].mean()) if not same.all() else None,
    }


def measure_controls(subject: Subject, name: str) -> list[dict]:
    """Ordinary distortions with each picture's own PSNR, as far as they can be that strong.

    All on the test images, white noise on the training images as well, as in paper A.
    """
    rows = []
    for split, controls in (("test", CONTROLS), ("train", list(CONTROLS)[:1])):
        clean, distortion = subject.clean(split), subject.distorted(name, split)
        wanted = psnr(to_batch(distortion.pixels) - to_batch(clean.images))
        for control in controls:
            pixels = match_psnr(clean.images, wanted, CONTROLS[control](clean.images, SEED))
            row = measure(subject.panel, clean, pixels)
            rows.append({"control": control, "of": name, "split": split} | row)
    return rows


def measure_homogeneity(subject: Subject, name: str) -> list[dict]:
    """k/9 · E for k = 9…1, on both splits.

    RCA per k, and the share of images that keep their label at every k below nine.
    """
    machine, results = subject.machines[name], []
    for split in ("test", "train"):
        clean = subject.clean(split)
        x, change = to_batch(clean.images), subject.distorted(name, split).change
        rows, every = [], np.ones_like(clean.labels, bool)
        rows.append({"k": STEPS} | rates(machine, subject.matches(name, split)))
        for k in range(STEPS - 1, 0, -1):
            weakened = to_pixels(x + change * np.float32(k / STEPS))
            matches = panel_labels(machine, weakened) == clean.labels
            rows.append({"k": k} | rates(machine, matches))
            every &= matches
        each = dict(zip(machine.panel.classifiers, every.mean(0).tolist(), strict=True))
        results.append(
            {
                "generator": name,
                "split": split,
                "rows": rows,
                "every_k_keeps": float(every.mean()),
                "every_k_keeps_per_classifier": each,
                "every_k_keeps_all_labels": float(every.all(1).mean()),
            }
        )
    return results


def measure_verified(subject: Subject, name: str) -> dict:
    """Verified mode: per image the strongest E found that keeps all labels; PSNR and scale of it.

    The PSNR is over the images that are changed at all; the others are counted.
    """
    clean, machine = subject.clean("test"), subject.machines[name]
    parts = [
        machine.strongest(clean.images[rows], clean.logits[rows], clean.cams[rows])
        for rows in batches(len(clean.images))
    ]
    _, scale, pixels = (np.concatenate(each) for each in zip(*parts, strict=True))
    noise = psnr(to_batch(pixels) - to_batch(clean.images))
    changed = np.isfinite(noise)
    return (
        rates(machine, panel_labels(machine, pixels) == clean.labels)
        | spread("psnr_db", noise[changed])
        | {"psnr_db_percentiles": percentiles(noise[changed])}
        | {"unchanged_images": int((~changed).sum())}
        | spread("scale", scale)
        | {"scale_percentiles": percentiles(scale), "full_scale": float((scale == 1).mean())}
    )


def measure_unseen(subject: Subject, name: str) -> list[dict]:
    """Do the labels of classifiers outside the panel stay the same? A row per classifier.

    clean_agreement: how often the outside classifier and one of the panel predict the same label
    of the clean image, mean over the panel; majority_agreement: how often its label is the panel's
    majority vote, the ceiling of a change that writes that label into the picture.
    rca_where_agreed: of the images of which it and the whole panel predict the same label.
    """
    clean, pixels, rows = subject.clean("test"), subject.distorted(name, "test").pixels, []
    noise = psnr(to_batch(pixels) - to_batch(clean.images))
    for session in subject.unseen.values():
        before = classifier_labels(session, clean.images)
        same = clean.labels == before[:, None]
        agreed = same.all(1)
        matches = classifier_labels(session, pixels) == before
        rows.append(
            {"generator": name, "classifier": session.contract["classifier"]}
            | rate(matches)
            | {
                "clean_agreement": float(same.mean()),
                "majority_agreement": float((majority(clean.logits) == before).mean()),
                "all_agree": float(agreed.mean()),
                "rca_where_agreed": float(matches[same.all(1)].mean())
                if same.all(1).any()
                else None,
            }
            | spread("psnr_db", noise)
        )
    return rows


def measure_curve(subject: Subject, name: str) -> list[dict]:
    """RCA against PSNR, on the panel and outside, over strengths.

    A strength is an input of the generator; where it has none, as the paper's, its E is multiplied
    by the strength.
    """
    clean, machine, rows = subject.clean("test").first(CURVE), subject.machines[name], []
    takes_strength = machine.generator.conditioned
    before = {m: classifier_labels(session, clean.images) for m, session in subject.unseen.items()}
    for strength in STRENGTHS:
        if takes_strength:
            distortion = distort(machine, clean, strength)
        else:
            usual = subject.distorted(name, "test").change[:CURVE]
            distortion = changed(clean, usual * np.float32(strength))
        row = measure(machine, clean, distortion.pixels)
        row |= spread("psnr_unclipped_db", psnr(distortion.change))
        row["rca_unseen"] = {
            session.contract["classifier"]: float(
                (classifier_labels(session, distortion.pixels) == before[model]).mean()
            )
            for model, session in subject.unseen.items()
        }
        rows.append({"generator": name, "strength": strength, "asked": takes_strength} | row)
    return rows


def measure_search(subject: Subject, name: str) -> dict:
    """The per-image search and the generators, verified, on the same test images.

    name: of the generator whose aim the search takes. loss: eq. 7 with that aim, of the change
    before it is verified.
    """
    from engine.machine.search import Searcher

    clean = subject.clean("test").first(SEARCHED)
    searcher = Searcher(weights=subject.weights, device="cpu")
    aim = subject.machines[name].generator.aim
    parts = batches(len(clean.images))
    changes = []
    started = time.monotonic()
    for rows in parts:
        *_, last = searcher.steps(clean.images[rows], seed=SEED, **aim)
        changes.append(last.change)
    seconds = (time.monotonic() - started) / len(clean.images)
    change = {"search": np.concatenate(changes)}
    predict = subject.panel.panel.predict_labels
    _, searched = largest_scale(predict, clean.images, change["search"], clean.labels)
    pixels = {"search": searched}
    for each, machine in subject.machines.items():
        change[each] = subject.distorted(each, "test").change[: len(clean.images)]
        verified = [
            machine.strongest(clean.images[rows], clean.logits[rows], clean.cams[rows])[2]
            for rows in parts
        ]
        pixels[each] = np.concatenate(verified)
    rows = []
    for method, distorted in pixels.items():
        noise = psnr(to_batch(distorted) - to_batch(clean.images))
        changed = np.isfinite(noise)
        losses = [searcher.loss(clean.images[p], change[method][p], **aim) for p in parts]
        sizes = [len(clean.images[p]) for p in parts]
        rows.append(
            {"method": method}
            | rates(subject.panel, panel_labels(subject.panel, distorted) == clean.labels)
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
OUTSIDE = ("unseen", "curve")  # the sections that need classifiers outside the panel
OF_THE_BEST = ("search",)  # those about the best generator, not about each
ON_BOTH = ("rows", "controls", "homogeneity")  # those that measure training images as well


def settings(section: str) -> dict:
    """What decides a section here, beside pictures and models."""
    own = {
        "curve": {"first": CURVE, "strengths": STRENGTHS},
        "search": {"first": SEARCHED},
    }
    return own.get(section, {}) | {"seed": SEED}
