"""Measure what ships: the exported graphs, through the engine. `python -m training evaluate`.

A section of machine_cifar10.json about one generator is kept in `training.records.store` as soon as
it is measured, so a stopped evaluation goes on, and a new generator is measured alone. A section of
the JSON itself is kept, with the hardware on which it was measured, until the weights, the
pictures, a setting or a declared version (`training.records.versions`) is another.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from engine.models.registry import GENERATORS, PANEL

from ...data.labelled import DataError
from ...records.keys import section_key
from ...records.log import log
from ...records.record import published, write
from ...records.shipped import digest, digests, trained_with
from ...records.store import Entry, Store, from_row, origin
from ..weights import check_weights
from .experiments import OF_THE_BEST, ON_BOTH, OUTSIDE, SECTIONS, SEED, settings
from .subject import Subject


def evaluate_machine(
    data: str,
    weights: Path | None,
    count: int | None,
    runs: Path,
    command: str,
    chosen: Sequence[str] | None = None,
) -> Path:
    """RCA and PSNR of the shipped generators and what belongs to them.

    count: at most that many pictures, the first, of each split, by default all test images and
    `TRAINED` training images; chosen: which of `SECTIONS`, by default all, beside those that were
    measured before. Writes results/machine_cifar10.json.
    """
    check_weights(weights)
    subject = Subject(data, weights, count)
    before = published("machine_cifar10")
    store = Store(runs, "machine", known(before))
    entries: dict[str, dict[str, Entry]] = {}

    def measured(section: str, name: str) -> object:
        """A section's value for one generator, measured now or in an earlier run."""
        key = decided_by(subject, section, name)
        entry = store.find(key)
        if entry is None:
            if not (chosen is None or section in chosen):
                return None
            started = time.monotonic()
            entry = store.keep(key, SECTIONS[section](subject, name))
            took = time.monotonic() - started
            log(f"{section} of {name}: {took:.0f} s")
        entries.setdefault(section, {})[name] = entry
        return entry.value

    sections = {"seed": SEED, "training": {}}
    for name in subject.generators:
        note = trained_with(weights, GENERATORS[name])
        sections["training"][name] = training_of(note)
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
            log(f"{section} left out: not of {', '.join(lacking)}")
    shown = {section: each for section, each in entries.items() if section in sections}
    sections["origin"] = {
        section: {name: entry.provenance() for name, entry in each.items()}
        for section, each in shown.items()
    }
    sections |= origin(entry for each in shown.values() for entry in each.values())
    return write(
        "machine_cifar10",
        command=command,
        data=subject.source,
        weights=digests(weights, *subject.models),
        sections=sections,
    )


def decided_by(subject: Subject, section: str, name: str) -> dict:
    """The key of a section's value for one generator."""
    compared = subject.generators if section in OF_THE_BEST else [name]
    outside = subject.unseen if section in OUTSIDE else ()
    models = (*PANEL, *(GENERATORS[each] for each in compared), *outside)
    splits = ("test", "train") if section in ON_BOTH else ("test",)
    return section_key(section) | {
        "generator": name,
        "weights": {model: digest(subject.weights, model) for model in models},
        "pictures": {split: subject.digest(split) for split in splits},
        **settings(section),
    }


def known(before: dict) -> list[Entry | None]:
    """The entries of an earlier result, taken apart by section and generator."""
    return [
        from_row(provenance, taken_apart(section, before[section], name))
        for section, each in before.get("origin", {}).items()
        for name, provenance in each.items()
    ]


def training_of(note: dict) -> dict:
    """How a generator was trained, and the ones before it that it goes on from."""
    parts = ("generator", "preset", "parameters", "epochs", "seconds", "scaled_by", "command")
    earlier = {"earlier": training_of(note["earlier"])} if note.get("earlier") else {}
    return {part: note[part] for part in parts if part in note} | earlier


def assembled(section: str, each: dict[str, object]) -> object:
    """A section of all generators from its value for each; rows of the test images first."""
    parts = list(each.values())
    if section in OF_THE_BEST:
        return parts[0]
    if not isinstance(parts[0], list):
        return each
    rows = [row for part in parts for row in part]
    return sorted(rows, key=lambda row: row.get("split") == "train")


def taken_apart(section: str, whole: object, name: str) -> object:
    """An assembled section's value for one generator."""
    if section in OF_THE_BEST:
        return whole
    if not isinstance(whole, list):
        return whole[name]
    return [row for row in whole if row.get("of", row.get("generator")) == name]
