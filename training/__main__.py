"""`python -m training JOB`: learn, measure, draw. A training goes on where it was stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import EngineError
from engine.terminal.command_line import Command, add_command, new_parser, options_from
from engine.terminal.streams import set_up_streams

from .data.labelled import DataError
from .options import (
    CalibrateOptions,
    ClassifierOptions,
    EvaluateOptions,
    FirstChangeOptions,
    GeneratorOptions,
    HumanOptions,
    RecogniserOptions,
)
from .train.presets import CLASSIFIER_PRESETS, GENERATOR_PRESETS, HUMAN_PRESETS

PROGRAM = "python -m training"


def classifiers(options: ClassifierOptions) -> None:
    from engine.networks.classifiers import CLASSIFIERS

    from .data.labelled import load
    from .train.machine.classifiers import NETWORKS, train_classifier

    train, test = load(options.data, "train"), load(options.data, "test")
    for name in options.names or CLASSIFIERS:
        if name not in NETWORKS:
            raise DataError(f"no classifier {name}: choose from {', '.join(NETWORKS)}")
        preset = CLASSIFIER_PRESETS[options.preset]
        command = f"{PROGRAM} classifiers {name} --preset {options.preset}"
        row = train_classifier(name, train, test, preset, options.runs, command)
        print(f"{name}: test accuracy {row['test_accuracy']:.4f} on {row['n_test']} images")


def generator(options: GeneratorOptions) -> None:
    from .data.labelled import load
    from .train.machine.generator import train_generator

    train, test = load(options.data, "train"), load(options.data, "test")
    preset, name = GENERATOR_PRESETS[options.preset], options.name or options.preset
    command = f"{PROGRAM} generator --preset {options.preset} --name {name}"
    limit = None
    if options.minutes is not None:
        command, limit = f"{command} --minutes {options.minutes:g}", 60 * options.minutes
    note = train_generator(name, train, test, preset, options.runs, command, limit)
    last = note["history"][-1]["test"]
    reached = f"test RCA {last['rca']:.4f} at {last['psnr_db']:.2f} dB"
    factor = note.get("scaled_by", 1)
    then = "" if factor == 1 else f"; its change was then scaled, in the tanh, by {factor:.2f}"
    print(f"{name}: {reached}, on the first test images{then}")


def human(options: HumanOptions) -> None:
    from .data.labelled import load_photos
    from .train.human.hvs import train_human

    photos = load_photos(options.data, "train")
    preset, name = HUMAN_PRESETS[options.preset], options.name or options.preset
    command = f"{PROGRAM} human --preset {options.preset} --name {name}"
    note = train_human(name, photos, preset, options.runs, command)
    last = note["history"][-1]
    print(f"{name}: SSIM loss {last['ssim']:.4f} after {last['step']} steps; now calibrate")


def calibrate(options: CalibrateOptions) -> None:
    from .data.labelled import load_photos
    from .train.human.calibration import calibrate as find

    photos = load_photos(options.data, "val", "test")
    command = f"{PROGRAM} calibrate --name {options.name}"
    note = find(options.name, photos, options.runs, command=command)
    mean = note["tried"][-1]["mean_threshold"]
    print(f"{options.name}: scale {note['scale']:.4f}, mean threshold {mean:.2f}")


def evaluate(options: EvaluateOptions) -> None:
    from .evaluate.jobs import measure

    print(measure(options, PROGRAM))


def recogniser(options: RecogniserOptions) -> None:
    from .train.recogniser import convert

    print(convert(options.source, options.reference, f"{PROGRAM} recogniser"))


def first_change(options: FirstChangeOptions) -> None:
    from .train.faces.loop import FirstChangePreset, train_first_change

    preset = FirstChangePreset()
    if options.steps is not None:
        preset = replace(preset, steps=options.steps)
    note = train_first_change(options.data, options.runs, preset, options.people)
    print(f"after {note['steps']} steps, faces that were held out: {note['held_out']}")


def figures(_: None) -> None:
    from .results.figures import draw

    print(*draw(), sep="\n")


def tables(_: None) -> None:
    from .results.tables import update

    update()


@dataclass(frozen=True, kw_only=True)
class Job(Command):
    """A command; run is given its options, None where it has none."""

    run: Callable[[Any], None]


JOBS = (
    Job(
        name="classifiers",
        options=ClassifierOptions,
        run=classifiers,
        help="train the panel",
        examples=("classifiers", "classifiers vit --preset adaptive --data hub:uoft-cs/cifar10"),
    ),
    Job(
        name="generator",
        options=GeneratorOptions,
        run=generator,
        help="train the E-D generator",
        examples=("generator", "generator --preset normalised --name merged"),
    ),
    Job(
        name="human",
        options=HumanOptions,
        run=human,
        help="train HVS-SD, the human JND",
        examples=("human", "human --data photos --runs runs"),
    ),
    Job(
        name="calibrate",
        options=CalibrateOptions,
        run=calibrate,
        help="find the scale of HVS-SD",
        examples=("calibrate", "calibrate --data photos --name default"),
    ),
    Job(
        name="evaluate",
        options=EvaluateOptions,
        run=evaluate,
        help="measure, write results/*.json",
        examples=("evaluate human", "evaluate cloak --count 2 --only ours"),
    ),
    Job(
        name="recogniser",
        options=RecogniserOptions,
        run=recogniser,
        help="the face recogniser's weights in half precision",
        examples=("recogniser", "recogniser --source dlib.safetensors --reference dlib.txt"),
    ),
    Job(
        name="first-change",
        options=FirstChangeOptions,
        run=first_change,
        help="train the network that changes a face in one pass",
        examples=("first-change", "first-change --people 20 --steps 100"),
    ),
    Job(
        name="figures",
        options=None,
        run=figures,
        help="draw the figures from results/*.json",
        examples=("figures", "evaluate machine && python -m training figures"),
    ),
    Job(
        name="tables",
        options=None,
        run=tables,
        help="write the README files' tables from results/*.json",
        examples=("tables", "evaluate human && python -m training tables"),
    ),
)


def parser() -> argparse.ArgumentParser:
    root = new_parser(PROGRAM, __doc__, ("classifiers", "evaluate human"))
    jobs = root.add_subparsers(required=True, metavar="JOB")
    for job in JOBS:
        add_command(jobs, PROGRAM, job)
    return root


def main(arguments: list[str] | None = None) -> int:
    set_up_streams()
    parsed = parser().parse_args(arguments)
    job = parsed.command
    try:
        job.run(None if job.options is None else options_from(parsed, job.options))
    except (DataError, EngineError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
