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
from training.train.machine.steps import epoch
from training.train.presets import GENERATOR_PRESETS, ClassifierPreset

# In single precision a sum of parts is the whole but for rounding.
device.prefers_bfloat16 = lambda kind: False

data, runs, *stop = sys.argv[1:]
train, test = load(data, "train"), load(data, "test").first(32)
if stop:
    begun = epoch.run_epoch

    def run_epoch(training, *given):
        if training.history and parallel.first():
            os._exit(9)
        return begun(training, *given)

    generator.run_epoch = run_epoch

short = ClassifierPreset(epochs=1, batch=32, images=128, learning_rate=0.05)
train_classifier("alexnet", train, test, short, Path(runs))
preset = replace(GENERATOR_PRESETS["smoke"], epochs=2, average=0.9, images=64, weakened=0.5)
generator.train_generator("g", train, test, preset, Path(runs))
print("trained")
