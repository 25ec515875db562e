"""`python -m training JOB`: learn, measure, draw. A training goes on where it was stopped."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from engine.errors import EngineError

from .data import DataError
from .presets import CLASSIFIER_PRESETS, GENERATOR_PRESETS, HUMAN_PRESETS

PROGRAM = "python -m training"
MEASURES = ("classifiers", "machine", "fresh", "ablation", "human")


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    jobs = root.add_subparsers(dest="job", required=True, metavar="JOB")
    runs = argparse.ArgumentParser(add_help=False)
    runs.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints live")
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data",
        default="../shared/data/cifar10",
        help="folder of parquet files or pictures, torchvision:ROOT or hub:OWNER/NAME",
    )

    job = jobs.add_parser("classifiers", parents=[runs, data], help="train the panel")
    job.add_argument(
        "names", nargs="*", metavar="NAME", help="which classifiers (default: the panel's)"
    )
    job.add_argument("--preset", choices=CLASSIFIER_PRESETS, default="default")
    job.set_defaults(run=classifiers)

    job = jobs.add_parser("generator", parents=[runs, data], help="train the E-D generator")
    job.add_argument("--preset", choices=GENERATOR_PRESETS, default="default")
    job.add_argument("--name", help="name of its checkpoint (default: the preset's)")
    job.set_defaults(run=generator)

    photos = argparse.ArgumentParser(add_help=False)
    photos.add_argument(
        "--data",
        default="../shared/data/bsds500",
        help="photos: folder of parquet files or pictures, or hub:OWNER/NAME",
    )
    job = jobs.add_parser("human", parents=[runs, photos], help="train HVS-SD, the human JND")
    job.add_argument("--preset", choices=HUMAN_PRESETS, default="default")
    job.add_argument("--name", help="name of its checkpoints (default: the preset's)")
    job.set_defaults(run=human)

    job = jobs.add_parser("calibrate", parents=[runs, photos], help="find the scale of HVS-SD")
    job.add_argument("--name", default="default", help="which trained HVS-SD")
    job.set_defaults(run=calibrate)

    job = jobs.add_parser("evaluate", parents=[runs], help="measure, write results/*.json")
    job.add_argument("what", choices=MEASURES)
    job.add_argument("--data", help="default: cifar10, for human kodak, in ../shared/data")
    job.add_argument(
        "--name", default="default", help="human: whose checkpoints have the true maps"
    )
    job.add_argument("--weights", type=Path, help="exported models (default: embedded)")
    job.add_argument("--count", type=int, help="only the first pictures of each split")
    job.add_argument("--sections", nargs="+", metavar="NAME", help="machine: only these")
    job.set_defaults(run=evaluate)

    job = jobs.add_parser("figures", help="draw the figures from results/*.json")
    job.set_defaults(run=figures)
    job = jobs.add_parser("tables", help="write the README's tables from results/*.json")
    job.set_defaults(run=tables)
    return root


def classifiers(options: argparse.Namespace) -> None:
    from engine.classifiers import CLASSIFIERS

    from .classifiers import NETWORKS, train_classifier
    from .data import load

    train, test = load(options.data, "train"), load(options.data, "test")
    for name in options.names or CLASSIFIERS:
        if name not in NETWORKS:
            raise DataError(f"no classifier {name}: choose from {', '.join(NETWORKS)}")
        preset = CLASSIFIER_PRESETS[options.preset]
        command = f"{PROGRAM} classifiers {name} --preset {options.preset}"
        row = train_classifier(name, train, test, preset, options.runs, command)
        print(f"{name}: test accuracy {row['test_accuracy']:.4f} on {row['n_test']} images")


def generator(options: argparse.Namespace) -> None:
    from .data import load
    from .generator import train_generator

    train, test = load(options.data, "train"), load(options.data, "test")
    preset, name = GENERATOR_PRESETS[options.preset], options.name or options.preset
    command = f"{PROGRAM} generator --preset {options.preset} --name {name}"
    note = train_generator(name, train, test, preset, options.runs, command)
    last = note["history"][-1]["test"]
    print(f"{name}: test RCA {last['rca']:.4f} at {last['psnr_db']:.2f} dB (first 2,000 images)")


def human(options: argparse.Namespace) -> None:
    from .data import load_photos
    from .human import train_human

    photos = load_photos(options.data, "train")
    preset, name = HUMAN_PRESETS[options.preset], options.name or options.preset
    command = f"{PROGRAM} human --preset {options.preset} --name {name}"
    note = train_human(name, photos, preset, options.runs, command)
    last = note["history"][-1]
    print(f"{name}: SSIM loss {last['ssim']:.4f} after {last['step']} steps; now calibrate")


def calibrate(options: argparse.Namespace) -> None:
    from .calibration import calibrate as find
    from .data import load_photos

    photos = load_photos(options.data, "val", "test")
    command = f"{PROGRAM} calibrate --name {options.name}"
    found = find(options.name, photos, options.runs, command=command)
    last = found["tried"][-1]
    print(
        f"{options.name}: scale {found['scale']:.4f}, mean threshold {last['mean_threshold']:.2f}"
    )


def evaluate(options: argparse.Namespace) -> None:
    command = f"{PROGRAM} evaluate {options.what}"
    if options.count:
        command += f" --count {options.count}"
    data = options.data or f"../shared/data/{'kodak' if options.what == 'human' else 'cifar10'}"
    if options.what == "human":
        from .evaluate_human import evaluate_human

        print(
            evaluate_human(
                data, options.weights, options.count, options.runs, options.name, command
            )
        )
        return
    from .ablation import evaluate_ablation
    from .evaluate import evaluate_classifiers, evaluate_machine
    from .fresh import evaluate_fresh

    job = {
        "classifiers": evaluate_classifiers,
        "machine": evaluate_machine,
        "fresh": evaluate_fresh,
        "ablation": evaluate_ablation,
    }[options.what]
    if options.sections:
        command += f" --sections {' '.join(options.sections)}"
        job = partial(job, chosen=options.sections)
    print(job(data, options.weights, options.count, options.runs, command))


def figures(options: argparse.Namespace) -> None:
    from .figures import draw

    print(*draw(), sep="\n")


def tables(options: argparse.Namespace) -> None:
    from .tables import update

    update()


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (DataError, EngineError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
