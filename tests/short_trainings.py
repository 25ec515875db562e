"""A classifier and a generator, trained for an epoch and two: `test_parallel.py` runs it.

    torchrun --standalone --nproc-per-node 2 short_trainings.py DATA RUNS [stop]

stop: the first process ends itself, without warning, when the first checkpoint of the generator is
written.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from engine.networks import device
from training.data.labelled import load
from training.train import parallel
from training.train.machine import generator
from training.train.machine.classifiers import train_classifier
from training.train.machine.steps.epoch import run_epoch
from training.train.presets import GENERATOR_PRESETS, ClassifierPreset

CLASSIFIER = ClassifierPreset(epochs=1, batch=32, images=128, learning_rate=0.05)
GENERATOR = replace(GENERATOR_PRESETS["smoke"], epochs=2, average=0.9, images=64, weakened=0.5)


def train(data: str, runs: Path) -> None:
    """Both, in single precision, in which a sum of parts is the whole but for rounding."""
    device.prefers_bfloat16 = lambda kind: False
    images, test = load(data, "train"), load(data, "test").first(32)
    train_classifier("alexnet", images, test, CLASSIFIER, runs)
    generator.train_generator("g", images, test, GENERATOR, runs)


def one_epoch(training, *given) -> dict:
    """In place of `run_epoch`: the second epoch is the end."""
    if training.history and parallel.first():
        os._exit(9)
    return run_epoch(training, *given)


if __name__ == "__main__":
    data, runs, *stop = sys.argv[1:]
    if stop:
        generator.run_epoch = one_epoch
    train(data, Path(runs))
    print("trained")
