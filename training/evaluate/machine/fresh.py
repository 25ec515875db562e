"""What a machine JND is: is there anything in a distorted picture that others can learn from?

A fresh classifier is trained on distorted training images with their true labels and evaluated on
clean test images, and the reverse. Where the first fails, the distorted picture does not look like
its class to a machine that learns from scratch; the panel's labels were kept by evidence of another
kind. `python -m training evaluate fresh`.

A row per pair of kinds of pictures, trained on and evaluated on, is one entry of
`training.records.store`; nothing is distorted or trained for rows that are there or published.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path

import torch

from engine.machine.jnd import MachineJND
from engine.models.registry import GENERATORS, PANEL

from ...data.labelled import LabelledImages, load
from ...records.record import published, write
from ...records.shipped import digests, present
from ...records.store import Entry, Store, from_row, origin, without_key
from ...records.versions import METHOD_VERSIONS
from ...train.machine.classifiers import accuracy, load_classifier, pick_device, train_classifier
from ...train.presets import CLASSIFIER_PRESETS
from .measure import Predictions, digest, distort, predict, standard_error

NETWORK = "alexnet"
PRESET = "brief"
CLEAN = "clean"  # the pictures as they are, beside those of each generator


class Pictures:
    """The clean pictures and those of each generator, by split, and a classifier trained on each.

    What is needed is made once, when it is needed.
    """

    def __init__(self, data: str, weights: Path | None, count: int | None, runs: Path):
        self.weights, self.runs = weights, runs
        self.clean = {split: load(data, split).first(count) for split in ("train", "test")}
        self.generators = present(weights)
        self.names = (CLEAN, *self.generators)

    # One object lives as long as the process.
    @cache  # noqa: B019
    def predictions(self, split: str) -> Predictions:
        machine = MachineJND(weights=self.weights, device="cpu", generator=self.generators[0])
        return predict(machine, self.clean[split].images)

    @cache  # noqa: B019
    def of(self, name: str, split: str) -> LabelledImages:
        clean = self.clean[split]
        if name == CLEAN:
            return clean
        machine = MachineJND(weights=self.weights, device="cpu", generator=name)
        pixels = distort(machine, self.predictions(split)).pixels
        return LabelledImages(pixels, clean.labels, clean.source)

    @cache  # noqa: B019
    def classifier(self, name: str, command: str) -> torch.nn.Module:
        """Trained on the pictures of that name; an interrupted training goes on."""
        train, test = self.of(name, "train"), self.of(name, "test")
        folder = self.runs / "fresh" / hashlib.sha256(train.images.tobytes()).hexdigest()[:12]
        preset = CLASSIFIER_PRESETS[PRESET]
        train_classifier(NETWORK, train, test, preset, folder, command)
        network, _ = load_classifier(folder / "classifiers" / f"{NETWORK}.safetensors")
        return network.to(pick_device(), memory_format=torch.channels_last)


def evaluate_fresh(
    data: str, weights: Path | None, count: int | None, runs: Path, command: str
) -> Path:
    """Fresh classifiers of clean and of distorted pictures -> results/fresh_cifar10.json."""
    pictures = Pictures(data, weights, count, runs)
    preset = CLASSIFIER_PRESETS[PRESET]
    common = {
        "section": "fresh",
        "version": METHOD_VERSIONS["fresh"],
        "classifier": NETWORK,
        "preset": asdict(preset),
        "pictures": {split: digest(each) for split, each in pictures.clean.items()},
    }
    pairs = [(trained, shown) for trained in pictures.names for shown in pictures.names]
    keys = {
        pair: common | {"trained_on": pair[0], "shown": pair[1], "weights": decisive(pair, weights)}
        for pair in pairs
    }
    store = Store(runs, "fresh", known(published("fresh_cifar10"), keys, pictures))
    entries = {
        pair: store.measured(key, partial(measure, pictures, *pair, command))
        for pair, key in keys.items()
    }
    return write(
        "fresh_cifar10",
        command=command,
        data=pictures.clean["test"].source,
        weights=digests(weights, *PANEL, *(GENERATORS[name] for name in pictures.generators)),
        sections={
            **origin(entries.values()),
            "classifier": NETWORK,
            "preset": PRESET,
            "seed": preset.seed,
            "n_train": len(pictures.clean["train"]),
            "rows": [entry.value for entry in entries.values()],
            "origin": [entry.provenance() for entry in entries.values()],  # of each row
        },
    )


def decisive(pair: tuple[str, str], weights: Path | None) -> dict[str, str]:
    """File -> sha256 of the models that make the pictures of a pair: none where both are clean."""
    models = [GENERATORS[name] for name in sorted(set(pair) - {CLEAN})]
    return digests(weights, *PANEL, *models) if models else {}


def measure(pictures: Pictures, trained: str, shown: str, command: str) -> dict:
    """A row: the accuracy on the test pictures `shown` of the classifier trained on `trained`."""
    test = pictures.of(shown, "test")
    share = accuracy(pictures.classifier(trained, command), test, pick_device())
    return {
        "trained_on": trained,
        "shown": shown,
        "n": len(test),
        "accuracy": share,
        "standard_error": standard_error(share, len(test)),
    }


def known(
    before: dict, keys: dict[tuple[str, str], dict], pictures: Pictures
) -> list[Entry | None]:
    """The entries of an earlier result, also of one whose rows carry no keys yet."""
    if not before:
        return []
    if "origin" in before:
        both = zip(before["origin"], before["rows"], strict=True)
        return [from_row(provenance, row) for provenance, row in both]
    recorded = {
        "data": pictures.clean["test"].source,
        "classifier": NETWORK,
        "preset": PRESET,
        "seed": CLASSIFIER_PRESETS[PRESET].seed,
        "n_train": len(pictures.clean["train"]),
    }
    return [
        without_key(keys[pair], row, before, recorded)
        for row in before["rows"]
        if (pair := (row["trained_on"], row["shown"])) in keys
        and row["n"] == len(pictures.clean["test"])
        and keys[pair]["weights"].items() <= before["weights"].items()
    ]
