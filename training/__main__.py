"""`python -m training JOB`: learn, measure, draw. A training goes on where it was stopped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.errors import EngineError

from .data import DataError
from .presets import CLASSIFIER_PRESETS, GENERATOR_PRESETS

PROGRAM = "python -m training"
FACES = ("recogniser", "cloak")
CIFAR10, LFW = "../shared/data/cifar10", "../shared/data/lfw"


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    jobs = root.add_subparsers(dest="job", required=True, metavar="JOB")
    runs = argparse.ArgumentParser(add_help=False)
    runs.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints live")
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data",
        default=CIFAR10,
        help="folder of parquet files or pictures, torchvision:ROOT or hub:OWNER/NAME; for faces "
        f"the folder of LFW (default: {CIFAR10}, {LFW})",
    )

    job = jobs.add_parser("classifiers", parents=[runs, data], help="train the panel")
    job.add_argument("names", nargs="*", metavar="NAME", help="which classifiers (default: all)")
    job.add_argument("--preset", choices=CLASSIFIER_PRESETS, default="default")
    job.set_defaults(run=classifiers)

    job = jobs.add_parser("generator", parents=[runs, data], help="train the E-D generator")
    job.add_argument("--preset", choices=GENERATOR_PRESETS, default="default")
    job.add_argument("--name", help="name of its checkpoint (default: the preset's)")
    job.set_defaults(run=generator)

    job = jobs.add_parser("evaluate", parents=[runs, data], help="measure, write results/*.json")
    job.add_argument("what", choices=("classifiers", "machine", *FACES))
    job.add_argument("--only", metavar="TEXT", help="cloak: rows whose name contains it, no JSON")
    job.add_argument(
        "--unseen",
        type=Path,
        default=Path("../shared/weights/mobilefacenet_unseen.onnx"),
        help="faces: a recogniser that is only looked at (left out where missing)",
    )
    job.add_argument("--weights", type=Path, help="exported models (default: embedded)")
    job.add_argument("--count", type=int, help="only the first pictures of each split")
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
    job = jobs.add_parser("tables", help="write the README's tables from results/*.json")
    job.set_defaults(run=tables)
    return root


def classifiers(options: argparse.Namespace) -> None:
    from engine.classifiers import CLASSIFIERS

    from .classifiers import train_classifier
    from .data import load

    train, test = load(options.data, "train"), load(options.data, "test")
    for name in options.names or CLASSIFIERS:
        if name not in CLASSIFIERS:
            raise DataError(f"no classifier {name}: choose from {', '.join(CLASSIFIERS)}")
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


def recogniser(options: argparse.Namespace) -> None:
    from .recogniser import convert

    print(convert(options.source, options.reference, f"{PROGRAM} recogniser"))


def evaluate_faces(options: argparse.Namespace, command: str) -> None:
    data = LFW if options.data == CIFAR10 else options.data
    if options.what == "recogniser":
        from .evaluate_recogniser import evaluate_recogniser

        print(evaluate_recogniser(data, options.unseen, options.count, command))
    else:
        from .evaluate_cloak import evaluate_cloak

        print(
            evaluate_cloak(
                data, options.unseen, options.count, command, options.runs, only=options.only
            )
        )


def evaluate(options: argparse.Namespace) -> None:
    if options.what in FACES:
        command = f"{PROGRAM} evaluate {options.what}"
        command += f" --count {options.count}" if options.count else ""
        return evaluate_faces(options, command)
    from .evaluate import evaluate_classifiers, evaluate_machine

    job = {"classifiers": evaluate_classifiers, "machine": evaluate_machine}[options.what]
    command = f"{PROGRAM} evaluate {options.what}"
    if options.count:
        command += f" --count {options.count}"
    print(job(options.data, options.weights, options.count, command))


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
    except (DataError, EngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
