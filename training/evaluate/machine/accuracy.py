"""How good the classifiers are that ship. `python -m training evaluate classifiers`.

Top-1 accuracy on all test images, of the exported graphs, and how often the panel agrees. The panel
is one measurement and each classifier outside it another: what is in `training.records.store` or
published is kept as long as the weights, the pictures and the declared version are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.machine.jnd import MachineJND
from engine.models.registry import MODELS, PANEL
from engine.models.session import Session

from ...data.labelled import LabelledImages, load
from ...records.record import published, write
from ...records.shipped import digests, present, trained_with, unseen
from ...records.store import Entry, Store, from_row, origin, without_key
from ...records.versions import METHOD_VERSIONS
from .measure import classifier_labels, digest, panel_labels, standard_error

AGREE = "all_panel_classifiers_agree"


def evaluate_classifiers(
    data: str, weights: Path | None, count: int | None, runs: Path, command: str
) -> Path:
    """Test accuracy of each shipped classifier -> results/classifiers_cifar10.json.

    count: of the test images only the first.
    """
    test = load(data, "test").first(count)
    outside = unseen(weights)
    groups = {"panel": PANEL} | {model: (model,) for model in outside}
    pictures = digest(test)
    keys = {name: key_of(models, weights, pictures) for name, models in groups.items()}
    before = published("classifiers_cifar10")
    store = Store(runs, "classifiers", known(before, groups, keys, weights, test))

    entries = {"panel": store.measured(keys["panel"], lambda: measure_panel(weights, test))}
    for model, session in outside.items():
        entries[model] = store.measured(keys[model], lambda s=session: measure_alone(s, test))
    shares = {
        model: share
        for name, models in groups.items()
        for model, share in zip(models, entries[name].value["accuracy"], strict=True)
    }
    return write(
        "classifiers_cifar10",
        command=command,
        data=test.source,
        weights=digests(weights, *shares),
        sections={
            **origin(entries.values()),
            "rows": [row_of(model, share, weights, len(test)) for model, share in shares.items()],
            AGREE: entries["panel"].value["agree"],
            "origin": {name: entry.provenance() for name, entry in entries.items()},
        },
    )


def key_of(models: tuple[str, ...], weights: Path | None, pictures: str) -> dict:
    return {
        "section": "accuracy",
        "version": METHOD_VERSIONS["accuracy"],
        "weights": digests(weights, *models),
        "pictures": pictures,
    }


def measure_panel(weights: Path | None, test: LabelledImages) -> dict:
    """Accuracy of each classifier of the panel, in its order, and how often all agree."""
    machine = MachineJND(weights=weights, device="cpu", generator=present(weights)[0])
    labels = panel_labels(machine, test.images)
    return {
        "accuracy": (labels == test.labels[:, None]).mean(0).tolist(),
        "agree": float((labels == labels[:, :1]).all(1).mean()),
    }


def measure_alone(classifier: Session, test: LabelledImages) -> dict:
    labels = classifier_labels(classifier, test.images)
    return {"accuracy": [float(np.mean(labels == test.labels))]}


def row_of(model: str, share: float, weights: Path | None, count: int) -> dict:
    """A classifier's row: its accuracy, and how it was trained, as its provenance has it."""
    note = trained_with(weights, model)
    return {
        "classifier": note["classifier"],
        "in_the_panel": model in PANEL,
        "test_accuracy": share,
        "standard_error": standard_error(share, count),
        "n_test": count,
        "n_train": note["n_train"],
        "parameters": note["parameters"],
        "training_seconds": note["seconds"] + (note.get("earlier") or {}).get("seconds", 0),
        "seed": note["preset"]["seed"],
        "preset": note["preset"],
        "training_command": note["command"],
        # Set where the training code has changed since: the commit that made the weights.
        "training_commit": note.get("commit"),
    }


def known(
    before: dict,
    groups: Mapping[str, tuple[str, ...]],
    keys: Mapping[str, dict],
    weights: Path | None,
    test: LabelledImages,
) -> list[Entry | None]:
    """The entries of an earlier result, also of one whose rows carry no keys yet."""
    if not before:
        return []
    rows = {row["classifier"]: row for row in before["rows"]}
    entries = []
    for name, models in groups.items():
        own = [rows.get(trained_with(weights, model)["classifier"]) for model in models]
        if None in own:
            continue
        value = {"accuracy": [row["test_accuracy"] for row in own]}
        value |= {"agree": before[AGREE]} if name == "panel" else {}
        if provenance := before.get("origin", {}).get(name):
            entries.append(from_row(provenance, value))
        elif all(row["n_test"] == len(test) for row in own):
            now = {MODELS[model].file for model in models}
            recorded = {part: digest for part, digest in before["weights"].items() if part in now}
            same = recorded == digests(weights, *models)
            entry = without_key(keys[name], value, before, {"data": test.source})
            entries.append(entry if same else None)
    return entries
