"""`python -m export [all|machine|human]`: trained checkpoints to checked ONNX files.

machine reads RUNS/classifiers and RUNS/generators and writes every classifier and generator of
`engine/models/registry.py` that has a checkpoint there; human reads RUNS/human/NAME.* and writes
hvs-sd; all, the default, is both, human where it was trained. All add to --out's `provenance.json`
(sha256, data, command, seed, accuracy of each file) and `export.json` (the parity report). Where a
graph differs from its network, nothing is written. RUNS/hub then holds a folder for each repository
on the Hub, with its card.

`python -m export cards` writes those folders alone, `python -m export push` publishes one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.errors import EngineError
from engine.models.locate import EMBEDDED
from engine.terminal.streams import Help, Manual, examples, ready

from .build import Artefact, PairError, build, embed, human, machine
from .push import push
from .repository import assemble_all


def main(arguments: list[str] | None = None) -> int:
    ready()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["push"]:
            return push(arguments[1:])
        if arguments[:1] == ["cards"]:
            return cards(arguments[1:])
        return export(arguments)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def cards(arguments: list[str]) -> int:
    """Every repository's folder, from weights that are there."""
    parser = argparse.ArgumentParser(
        prog="python -m export cards",
        description="The Hub repositories as folders: weights, provenance, config.json and card.",
        epilog=examples("python -m export", "cards", "cards --weights runs/export --out hub"),
        formatter_class=Help,
    )
    parser.add_argument("--weights", type=Path, default=EMBEDDED, help="default: embedded")
    parser.add_argument("--out", type=Path, default=Path("runs/hub"), help="where to write")
    options = parser.parse_args(arguments)
    for folder in assemble_all(options.weights, options.out):
        print(folder)
    return 0


def export(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description=__doc__,
        epilog=examples("python -m export", "--embed", "machine --runs runs --out exported"),
        formatter_class=Manual,
    )
    parser.add_argument("what", nargs="?", choices=("all", "machine", "human"), default="all")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="trained checkpoints")
    parser.add_argument("--out", type=Path, default=Path("runs/export"), help="where to write")
    parser.add_argument("--human", default="default", help="which trained HVS-SD to ship")
    parser.add_argument(
        "--half", action="store_true", help="write half-precision graphs as well, and their error"
    )
    parser.add_argument(
        "--embed",
        action="store_true",
        help="write into engine/models/weights and engine/models/registry.py",
    )
    options = parser.parse_args(arguments)
    if options.half and options.embed:
        parser.error("--half is for the Hub: the package embeds one graph of each; leave one out")
    out = EMBEDDED if options.embed else options.out

    from .check import ParityError

    try:
        found = artefacts(options.what, options.runs, out, options.human)
        files = build(found, out, half=options.half)
    except (ParityError, PairError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, entry in files.items():
        print(f"{out / name}  {entry['bytes']:,} bytes  sha256 {entry['sha256']}")
    if options.embed:
        embed(files)
    for folder in assemble_all(out, options.runs / "hub"):
        print(folder)
    return 0


def artefacts(what: str, runs: Path, out: Path, name: str) -> list[Artefact]:
    """What is asked for. Raises PairError, and FileNotFoundError where NAME was asked for."""
    parts = [] if what == "human" else machine(runs, out)
    try:
        return parts if what == "machine" else parts + human(runs, name)
    except FileNotFoundError as error:
        if what == "human":
            raise
        print(f"hvs-sd: left out, {error}", file=sys.stderr)
        return parts


if __name__ == "__main__":
    sys.exit(main())
