"""`python -m training JOB`: learn, measure, draw. A training goes on where it was stopped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.errors import EngineError
from engine.terminal.streams import Help, examples, ready

from .data.labelled import DataError
from .train.presets import CLASSIFIER_PRESETS, GENERATOR_PRESETS, HUMAN_PRESETS

PROGRAM = "python -m training"
EXAMPLES = {
    "classifiers": ("classifiers", "classifiers vit --preset adaptive --data hub:uoft-cs/cifar10"),
    "generator": ("generator", "generator --preset normalised --name merged"),
    "human": ("human", "human --data photos --runs runs"),
    "calibrate": ("calibrate", "calibrate --data photos --name default"),
    "evaluate": ("evaluate human", "evaluate cloak --count 2 --only ours"),
    "recogniser": ("recogniser", "recogniser --source dlib.safetensors --reference dlib.txt"),
    "figures": ("figures", "evaluate machine && python -m training figures"),
    "tables": ("tables", "evaluate human && python -m training tables"),
}
# What `evaluate` measures, and the data set it does it on.
MEASURED_ON = {
    "classifiers": "cifar10",
    "machine": "cifar10",
    "fresh": "cifar10",
    "ablation": "cifar10",
    "human": "kodak",
    "recogniser": "lfw",
    "cloak": "lfw",
    "panel": "cifar10",
}


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog=PROGRAM,
        description=__doc__,
        epilog=examples(PROGRAM, "classifiers", "evaluate human"),
        formatter_class=Help,
    )
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
    job.add_argument("what", choices=MEASURED_ON)
    job.add_argument("--data", help="default: the set in ../shared/data that it is measured on")
    job.add_argument(
        "--name", default="default", help="human: whose checkpoints have the true maps"
    )
    job.add_argument("--weights", type=Path, help="exported models (default: embedded)")
    job.add_argument(
        "--count",
        type=int,
        help="only the first pictures of each split; cloak: a look, its JSON in RUNS/cloak",
    )
    job.add_argument("--sections", nargs="+", metavar="NAME", help="machine: only these")
    job.add_argument("--only", metavar="TEXT", help="cloak: just rows whose name contains it")
    job.add_argument(
        "--onlooker",
        type=Path,
        default=Path("../shared/weights/mobilefacenet_unseen.onnx"),
        help="faces: a recogniser that is only looked at (left out where missing)",
    )
    job.set_defaults(run=evaluate)

    job = jobs.add_parser("recogniser", help="the face recogniser's weights in half precision")
    folder = Path("../shared/weights")
    job.add_argument(
        "--source", type=Path, default=folder / "dlib_face_recognition_resnet_v1.safetensors"
    )
    job.add_argument("--reference", type=Path, default=folder / "dlib_reference_embedding.txt")
    job.set_defaults(run=recogniser)
    job = jobs.add_parser("figures", help="draw the figures from results/*.json")
    job.set_defaults(run=figures)
    job = jobs.add_parser("tables", help="write the README files' tables from results/*.json")
    job.set_defaults(run=tables)
    for name, each in jobs.choices.items():
        each.epilog, each.formatter_class = examples(PROGRAM, *EXAMPLES[name]), Help
    return root


def classifiers(options: argparse.Namespace) -> None:
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


def generator(options: argparse.Namespace) -> None:
    from .data.labelled import load
    from .train.machine.generator import train_generator

    train, test = load(options.data, "train"), load(options.data, "test")
    preset, name = GENERATOR_PRESETS[options.preset], options.name or options.preset
    command = f"{PROGRAM} generator --preset {options.preset} --name {name}"
    note = train_generator(name, train, test, preset, options.runs, command)
    last = note["history"][-1]["test"]
    reached = f"test RCA {last['rca']:.4f} at {last['psnr_db']:.2f} dB"
    factor = note.get("scaled_by", 1)
    then = "" if factor == 1 else f"; its change was then scaled, in the tanh, by {factor:.2f}"
    print(f"{name}: {reached}, on the first test images{then}")


def human(options: argparse.Namespace) -> None:
    from .data.labelled import load_photos
    from .train.human.hvs import train_human

    photos = load_photos(options.data, "train")
    preset, name = HUMAN_PRESETS[options.preset], options.name or options.preset
    command = f"{PROGRAM} human --preset {options.preset} --name {name}"
    note = train_human(name, photos, preset, options.runs, command)
    last = note["history"][-1]
    print(f"{name}: SSIM loss {last['ssim']:.4f} after {last['step']} steps; now calibrate")


def calibrate(options: argparse.Namespace) -> None:
    from .data.labelled import load_photos
    from .train.human.calibration import calibrate as find

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
    if options.sections:
        command += f" --sections {' '.join(options.sections)}"
    data = options.data or f"../shared/data/{MEASURED_ON[options.what]}"
    weights, count, runs = options.weights, options.count, options.runs
    if weights is not None and options.what in ("cloak", "recogniser", "ablation"):
        raise DataError(f"evaluate {options.what} takes no --weights: leave it out")
    match options.what:
        case "human":
            from .evaluate.human import evaluate_human

            path = evaluate_human(data, weights, count, runs, options.name, command)
        case "recogniser":
            from .evaluate.cloak.recogniser import evaluate_recogniser

            path = evaluate_recogniser(data, options.onlooker, count, command)
        case "cloak":
            from .evaluate.cloak.run import evaluate_cloak

            path = evaluate_cloak(data, options.onlooker, count, command, runs, only=options.only)
        case "panel":
            from .evaluate.cloak.panel import evaluate_panel

            path = evaluate_panel(data, weights, count, command, runs)
        case "machine":
            from .evaluate.machine.run import evaluate_machine

            path = evaluate_machine(data, weights, count, runs, command, options.sections)
        case "classifiers":
            from .evaluate.machine.run import evaluate_classifiers

            path = evaluate_classifiers(data, weights, count, command)
        case "fresh":
            from .evaluate.machine.fresh import evaluate_fresh

            path = evaluate_fresh(data, weights, count, runs, command)
        case "ablation":
            from .evaluate.machine.ablation import evaluate_ablation

            path = evaluate_ablation(data, count, runs, command)
    print(path)


def recogniser(options: argparse.Namespace) -> None:
    from .train.recogniser import convert

    print(convert(options.source, options.reference, f"{PROGRAM} recogniser"))


def figures(options: argparse.Namespace) -> None:
    from .results.figures import draw

    print(*draw(), sep="\n")


def tables(options: argparse.Namespace) -> None:
    from .results.tables import update

    update()


def main(arguments: list[str] | None = None) -> int:
    ready()
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (DataError, EngineError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
