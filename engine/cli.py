"""`python -m engine`: the command line. Results on stdout, everything else on stderr.

Exit codes: 0 all pictures done; 1 at least one was refused (the others are done); 2 wrong
usage, weights or device; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from . import __version__
from .errors import DeviceError, EngineError, UsageError, WeightsError
from .options import HumanOptions, MachineOptions, QualityOptions, add_options

# Commands that take pictures; engine.commands has a module for each.
OPTIONS = {"machine": MachineOptions, "human": HumanOptions, "quality": QualityOptions}


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="python -m engine",
        description="How much can a picture change before a machine, or a person, notices?",
    )
    root.add_argument("--version", action="version", version=f"just-noticeable {__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    machine = commands.add_parser(
        "machine",
        help="the largest change that a panel of deep classifiers does not notice",
        description="For each picture, the largest change that four deep classifiers do not "
        "notice: the distorted picture, the change as a map, where the panel looks, and a figure. "
        "Pictures are resized to the panel's 32×32.",
    )
    machine.add_argument("images", nargs="+", metavar="IMAGE", help="picture files")
    add_options(machine, MachineOptions)
    human = commands.add_parser(
        "human",
        help="how much each pixel may change before a person notices",
        description="For each picture, its just noticeable difference to a person: the threshold "
        "of every pixel and channel as an array and as a picture, the picture with noise at that "
        "threshold, and numbers.",
    )
    human.add_argument("images", nargs="+", metavar="IMAGE", help="picture files")
    add_options(human, HumanOptions)
    quality = commands.add_parser(
        "quality",
        help="how far two pictures are apart, in every number",
        description="PSNR, SSIM, CIEDE2000, share of pixels changed and changed beyond the JND; "
        "JOD, FSIM and VIF where the evaluation extra is installed.",
    )
    quality.add_argument("images", nargs=2, metavar=("REFERENCE", "CHANGED"), help="picture files")
    add_options(quality, QualityOptions)
    commands.add_parser("samples", help="print the paths of sample pictures already installed")
    return root


def main(arguments: list[str] | None = None) -> int:
    options = vars(parser().parse_args(arguments))
    command = options.pop("command")
    try:
        if command == "samples":
            return samples()
        images = options.pop("images")
        run = import_module(f".commands.{command}", __package__).run
        return run(images, OPTIONS[command](**options))
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
