"""`python -m training JOB`: learn, measure, draw. A training goes on where it was stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.terminal.command_line import Command, add_command, new_parser, options_from
from engine.terminal.streams import set_up_streams

from .data.labelled import DataError
from .options import (
    MEASURED_ON,
    SHARED,
    CalibrateOptions,
    ClassifierOptions,
    EvaluateOptions,
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
    command = f"{PROGRAM} evaluate {options.what}"
    if options.count:
        command += f" --count {options.count}"
    if options.sections:
        command += f" --sections {' '.join(options.sections)}"
    data = options.data or f"{SHARED}/data/{MEASURED_ON[options.what]}"
    weights, count, runs = options.weights, options.count, options.runs
    if weights is not None and options.what in (
        "cloak",
        "recogniser",
        "ablation",
        "watermark",
        "portraits",
        "scale",
        "load",
    ):
        raise DataError(f"evaluate {options.what} takes no --weights: leave it out")
    match options.what:
        case "human":
            from .evaluate.human.run import evaluate_human

            path = evaluate_human(data, weights, count, runs, options.name, command)
        case "recogniser":
            from .evaluate.cloak.recogniser import evaluate_recogniser

            path = evaluate_recogniser(data, options.onlooker, count, runs, command)
        case "cloak":
            from .evaluate.cloak.run import evaluate_cloak

            path = evaluate_cloak(data, options.onlooker, count, command, runs, only=options.only)
        case "portraits":
            from .evaluate.cloak.portraits import evaluate_portraits

            path = evaluate_portraits(Path(data), count, runs, command, only=options.only)
        case "panel":
            from .evaluate.cloak.classifier_attack import evaluate_panel

            path = evaluate_panel(data, weights, count, command, runs)
        case "cloak-photos":
            from .evaluate.cloak_photos.run import evaluate_cloak_photos

            path = evaluate_cloak_photos(
                Path(data), weights, count, command, runs, only=options.only
            )
        case "photo-panel":
            from .evaluate.photo.panel import evaluate_photo_panel

            path = evaluate_photo_panel(Path(data), weights, count, command, options.published)
        case "speed":
            from .evaluate.speed.run import evaluate_speed

            path = evaluate_speed(data, weights, count, runs, command, options.only)
        case "scale":
            from .evaluate.scale import evaluate_scale

            path = evaluate_scale(data, count, runs, command)
        case "load":
            from .evaluate.load.run import evaluate_load

            path = evaluate_load(data, count, runs, command)
        case "photos":
            from .evaluate.photo.run import evaluate_photos

            path = evaluate_photos(
                Path(data), weights, count, runs, options.unseen, command, options.sections
            )
        case "codec":
            from .evaluate.codec.run import evaluate_codec

            path = evaluate_codec(
                Path(data), weights, count, runs, options.unseen, command, only=options.only
            )
        case "machine-quality":
            from .evaluate.machine_quality.run import evaluate_machine_quality

            path = evaluate_machine_quality(
                Path(data), weights, count, runs, options.unseen, command
            )
        case "watermark":
            from .evaluate.watermark.run import evaluate_watermark

            path = evaluate_watermark(
                Path(data), options.unseen, count, runs, command, only=options.only
            )
        case "machine":
            from .evaluate.machine.run import evaluate_machine

            path = evaluate_machine(data, weights, count, runs, command, options.sections)
        case "classifiers":
            from .evaluate.machine.accuracy import evaluate_classifiers

            path = evaluate_classifiers(data, weights, count, runs, command)
        case "fresh":
            from .evaluate.machine.fresh import evaluate_fresh

            path = evaluate_fresh(data, weights, count, runs, command)
        case "ablation":
            from .evaluate.machine.ablation import evaluate_ablation

            path = evaluate_ablation(data, count, runs, command)
    print(path)


def recogniser(options: RecogniserOptions) -> None:
    from .train.recogniser import convert

    print(convert(options.source, options.reference, f"{PROGRAM} recogniser"))


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
