"""`python -m engine`: the command line. Results on stdout, everything else on stderr.

Exit codes: 0 all pictures done; 1 at least one was refused (the others are done); 2 wrong
usage, weights or device; 3 a cloak that did not succeed within its budget; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from importlib import import_module

from . import __version__
from .errors import DeviceError, EngineError, UsageError, WeightsError
from .options import (
    CloakOptions,
    HumanOptions,
    MachineOptions,
    QualityOptions,
    VerifyOptions,
    add_options,
)


@dataclass(frozen=True)
class Command:
    """A command that takes pictures; `run` of its module in engine.commands does it.

    operands: what to call the pictures; one name stands for one or more of them.
    """

    name: str
    options: type
    operands: tuple[str, ...]
    help: str
    description: str


COMMANDS = (
    Command(
        "machine",
        MachineOptions,
        ("IMAGE",),
        "the largest change that a panel of deep classifiers does not notice",
        "For each picture, the largest change that four deep classifiers do not notice: the "
        "distorted picture, the change as a map, where the panel looks, and a figure. Pictures "
        "are resized to the panel's 32×32.",
    ),
    Command(
        "human",
        HumanOptions,
        ("IMAGE",),
        "how much each pixel may change before a person notices",
        "For each picture, its just noticeable difference to a person: the threshold of every "
        "pixel and channel as an array and as a picture, the picture with noise at that "
        "threshold, and numbers.",
    ),
    Command(
        "cloak",
        CloakOptions,
        ("PHOTO",),
        "change a face so little that only machines notice",
        "For each photo a PNG of the same size, without metadata, in which dlib's recogniser no "
        "longer matches the face. Success is measured on the file itself. Exit code 3: the "
        "budget was not enough; then no file is written.",
    ),
    Command(
        "verify",
        VerifyOptions,
        ("A", "B"),
        "whether two photos show the same person, to a machine",
        "Compares the largest face of two photos with dlib's recogniser: the same person where "
        "their descriptors are closer than 0.6. Use it to test a cloak.",
    ),
    Command(
        "quality",
        QualityOptions,
        ("REFERENCE", "CHANGED"),
        "how far two pictures are apart, in every number",
        "PSNR, SSIM, CIEDE2000, share of pixels changed and changed beyond the JND; JOD, FSIM "
        "and VIF where the evaluation extra is installed.",
    ),
)


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="python -m engine",
        description="How much can a picture change before a machine, or a person, notices?",
    )
    root.add_argument("--version", action="version", version=f"just-noticeable {__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for row in COMMANDS:
        command = commands.add_parser(row.name, help=row.help, description=row.description)
        if len(row.operands) == 1:
            count, names = "+", row.operands[0]
        else:
            count, names = len(row.operands), row.operands
        command.add_argument("images", nargs=count, metavar=names, help="picture files")
        add_options(command, row.options)
    commands.add_parser("samples", help="print the paths of sample pictures already installed")
    return root


def main(arguments: list[str] | None = None) -> int:
    options = vars(parser().parse_args(arguments))
    command = options.pop("command")
    try:
        if command == "samples":
            return samples()
        images = options.pop("images")
        row = next(row for row in COMMANDS if row.name == command)
        run = import_module(f".commands.{command}", __package__).run
        return run(images, row.options(**options))
    except EngineError as error:
        return fail(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of stdout has left, as in `… | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def fail(error: EngineError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2 if isinstance(error, (WeightsError, DeviceError, UsageError)) else 1


def samples() -> int:
    from .samples import sample_paths

    print(*sample_paths(), sep="\n")
    return 0
