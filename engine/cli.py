"""`python -m engine`: the command line. Results on stdout, everything else on stderr.

Exit codes: 0 all pictures done; 1 at least one was refused (the others are done); 2 wrong
usage, weights or device; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from . import __version__
from .errors import DeviceError, EngineError, UsageError, WeightsError
from .options import MachineOptions, add_options


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
    commands.add_parser("samples", help="print the paths of sample pictures already installed")
    return root


def main(arguments: list[str] | None = None) -> int:
    options = vars(parser().parse_args(arguments))
    command = options.pop("command")
    try:
        if command == "samples":
            return samples()
        images = options.pop("images")
        return machine(images, MachineOptions(**options))
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


def machine(images: list[str], options: MachineOptions) -> int:
    from . import batch, report
    from .machine import load

    jnd = load(options.weights, options.device, options.generator)
    jnd.check_strength(options.strength)
    print(jnd.description, file=sys.stderr)

    search = None
    if options.search:
        search = gradient_search(options)

    def work(image: str, stem: str) -> str:
        result = jnd(image, search=search, strength=options.strength)
        files = report.write(result, stem, Path(image).name, options.out)
        if options.json:
            return json.dumps(report.as_json(result, image, files), ensure_ascii=False)
        return report.table(result, image, files) + "\n"

    refused = 0
    for done in batch.run(images, work):
        if done.error is not None:
            refused += 1
            print(f"error: {done.error}", file=sys.stderr, flush=True)
            if options.json:
                print(json.dumps({"image": done.image, "error": str(done.error)}), flush=True)
        else:
            print(done.result, flush=True)
    if refused:
        print(f"{refused} of {len(images)} pictures refused", file=sys.stderr)
    return 1 if refused else 0


def gradient_search(options: MachineOptions):
    """The per-image search of `engine.search`, its progress on stderr."""
    try:
        from .search import Searcher
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"--search needs {error.name}: run pip install 'just-noticeable[attack]'"
        ) from None
    searcher = Searcher(weights=options.weights, device=options.device)
    print(f"gradient search on {searcher.device}", file=sys.stderr)

    def search(pixels):
        for step in searcher.steps(pixels, max_seconds=options.max_seconds):
            if step.number % 10 == 0 or step.last:
                held = f"{step.psnr_db[0]:.2f} dB" if step.held[0] else "nothing yet"
                line = f"\rstep {step.number}/{step.total}: best that holds {held}   "
                print(line, end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return step.change

    return search
