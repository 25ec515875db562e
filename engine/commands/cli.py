"""`python -m engine`: the command line. Results on stdout, everything else on stderr.

Exit codes: 0 all pictures done; 1 at least one was refused (the others are done); 2 wrong
usage, weights, device or libraries; 3 a cloak that did not succeed within its budget; 130
interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from .. import __version__
from ..errors import DeviceError, EngineError, SetupError, UsageError, WeightsError
from ..terminal.failures import engine_error
from ..terminal.streams import Help, examples, ready
from .options import (
    CloakOptions,
    HumanOptions,
    MachineOptions,
    QualityOptions,
    VerifyOptions,
    add_options,
)

SCRIPT = "just-noticeable"  # as pyproject.toml installs it


@dataclass(frozen=True)
class Command:
    """A command that takes pictures; `run` of its module in engine.commands does it.

    operands: what to call the pictures; one name stands for one or more of them. examples: what
    to type after the program's name.
    """

    name: str
    options: type
    operands: tuple[str, ...]
    help: str
    description: str
    examples: tuple[str, str]


COMMANDS = (
    Command(
        "machine",
        MachineOptions,
        ("IMAGE",),
        "the largest change that a panel of deep classifiers does not notice",
        "For each picture, the largest change that four deep classifiers do not notice: the "
        "distorted picture, the change as a map, where the panel looks, and a figure. Pictures "
        "are resized to the panel's 32×32.",
        ("machine photo.jpg", "machine *.png --out pictures --strength 0.5 --json"),
    ),
    Command(
        "human",
        HumanOptions,
        ("IMAGE",),
        "how much each pixel may change before a person notices",
        "For each picture, its just noticeable difference to a person: the threshold of every "
        "pixel and channel as an array and as a picture, the picture with noise at that "
        "threshold, and numbers.",
        ("human photo.jpg", "human photo.jpg --psnr 30 --array --metrics --json"),
    ),
    Command(
        "cloak",
        CloakOptions,
        ("PHOTO",),
        "change a face so little that only machines notice",
        "For each photo a PNG of the same size, without metadata, in which dlib's recogniser no "
        "longer matches the face. Success is measured on the file itself. Exit code 3: the "
        "budget was not enough; then no file is written.",
        ("cloak me.jpg", "cloak group.jpg --face all --lasting --out cloaked"),
    ),
    Command(
        "verify",
        VerifyOptions,
        ("A", "B"),
        "whether two photos show the same person, to a machine",
        "Compares the largest sure face of two photos with dlib's recogniser: one person where "
        "their descriptors are closer than 0.6. Use it to test a cloak.",
        ("verify me.jpg out/me.cloaked.png", "verify one.jpg two.jpg --json"),
    ),
    Command(
        "quality",
        QualityOptions,
        ("REFERENCE", "CHANGED"),
        "how far two pictures are apart, in numbers",
        "PSNR, SSIM, CIEDE2000, share of pixels changed and changed beyond the JND; with --metrics "
        "JOD, FSIM and VIF, where the evaluation extra is installed.",
        ("quality photo.png out/photo.noisy.png", "quality photo.png changed.png --metrics --json"),
    ),
)


def program() -> str:
    """How the user started us: the installed script, or the module."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else "python -m engine"


def parser() -> argparse.ArgumentParser:
    name = program()
    root = argparse.ArgumentParser(
        prog=name,
        description="How much can a picture change before a machine, or a person, notices?",
        epilog=examples(name, "machine photo.jpg", "cloak me.jpg --out cloaked"),
        formatter_class=Help,
    )
    root.add_argument("--version", action="version", version=f"just-noticeable {__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for row in COMMANDS:
        command = commands.add_parser(
            row.name,
            help=row.help,
            description=row.description,
            epilog=examples(name, *row.examples),
            formatter_class=Help,
        )
        words = 'picture file, or "-": standard input'
        if len(row.operands) == 1:
            command.add_argument("images", nargs="+", metavar=row.operands[0], help=words)
        else:  # each by itself: argparse cannot print the help of one with several names
            for operand in row.operands:
                command.add_argument(operand, metavar=operand, help=words)
        add_options(command, row.options)
    samples = "print the paths of sample pictures already installed"
    commands.add_parser(
        "samples",
        help=samples,
        description=f"{samples[0].upper()}{samples[1:]}.",
        epilog=examples(name, "samples", "samples | head -1"),
        formatter_class=Help,
    )
    return root


def main(arguments: list[str] | None = None) -> int:
    """The one way in, of the installed script as of `python -m engine`; returns the exit code."""
    ready()
    options = vars(parser().parse_args(arguments))
    command = options.pop("command")
    try:
        if command == "samples":
            return samples()
        row = next(row for row in COMMANDS if row.name == command)
        images = options.pop("images", None) or [options.pop(name) for name in row.operands]
        if images.count("-") > 1:
            raise UsageError("- is standard input, which gives one picture: name it once")
        run = import_module(f".{command}", __package__).run
        return run(images, row.options(**options))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of stdout has left, as in `… | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return fail(engine_error(error))


def fail(error: EngineError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2 if isinstance(error, (WeightsError, DeviceError, UsageError, SetupError)) else 1


def samples() -> int:
    from ..images.samples import sample_paths

    print(*sample_paths(), sep="\n")
    return 0
