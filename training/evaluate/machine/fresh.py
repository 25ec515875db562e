"""What a machine JND is: is there anything in a distorted picture that others can learn from?

A fresh classifier is trained on distorted training images with their true labels and shown clean
test images, and the reverse. Where the first fails, the distorted picture does not look like its
class to a machine that learns from scratch; the panel's answers were kept by evidence of another
kind. `python -m training evaluate fresh`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from engine.machine.jnd import MachineJND
from engine.models.registry import GENERATORS, PANEL

from ...data.labelled import LabelledImages, load
from ...records.record import write
from ...records.shipped import digests, present
from ...train.machine.classifiers import accuracy, load_classifier, pick_device, train_classifier
from ...train.presets import CLASSIFIER_PRESETS
from .measure import distort, look, standard_error

NETWORK = "alexnet"
PRESET = "brief"


def evaluate_fresh(
    data: str, weights: Path | None, count: int | None, runs: Path, command: str
) -> Path:
    """Fresh classifiers of clean and of distorted pictures -> results/fresh_cifar10.json."""
    clean = {split: load(data, split).first(count) for split in ("train", "test")}
    names = present(weights)
    machines = {n: MachineJND(weights=weights, device="cpu", generator=n) for n in names}
    looks = {split: look(machines[names[0]], part.images) for split, part in clean.items()}
    worlds = {"clean": clean} | {
        name: {
            split: LabelledImages(distort(machine, looks[split]).pixels, part.labels, part.source)
            for split, part in clean.items()
        }
        for name, machine in machines.items()
    }
    preset = CLASSIFIER_PRESETS[PRESET]
    rows = []
    for learned, splits in worlds.items():
        pictures = hashlib.sha256(splits["train"].images.tobytes()).hexdigest()[:12]
        folder = runs / "fresh" / pictures
        train_classifier(NETWORK, splits["train"], splits["test"], preset, folder, command)
        network, _ = load_classifier(folder / "classifiers" / f"{NETWORK}.safetensors")
        network.to(pick_device(), memory_format=torch.channels_last)
        for shown, others in worlds.items():
            share = accuracy(network, others["test"], pick_device())
            rows.append(
                {
                    "trained_on": learned,
                    "shown": shown,
                    "n": len(others["test"]),
                    "accuracy": share,
                    "standard_error": standard_error(share, len(others["test"])),
                }
            )
    return write(
        "fresh_cifar10",
        command=command,
        data=clean["test"].source,
        weights=digests(weights, *PANEL, *(GENERATORS[name] for name in names)),
        sections={
            "classifier": NETWORK,
            "preset": PRESET,
            "seed": preset.seed,
            "n_train": len(clean["train"]),
            "rows": rows,
        },
    )
