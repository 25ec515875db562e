"""`python -m export [all|machine|human|photos]`: trained checkpoints to checked ONNX files.

machine reads RUNS/classifiers and RUNS/generators and writes every classifier and generator of
`engine/models/registry.py` that has a checkpoint there; human reads RUNS/human/NAME.* and writes
hvs-sd; all, the default, is both, human where it was trained. photos converts the published weights
of the three EfficientNet-Lites, and RUNS/photo-generator.safetensors where it is there. All add to
--out's `provenance.json` (sha256, data, command, seed, accuracy of each file) and `export.json`
(the parity report). Where a graph differs from its network, nothing is written. RUNS/hub then holds
a folder for each repository on the Hub, with its card.

`python -m export cards` writes those folders alone, `python -m export push` publishes one.
`python -m export licences` writes LICENCES.md and constraints.txt.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from engine.models.locate import EMBEDDED
from engine.terminal.command_line import add_options, new_parser, option, options_from
from engine.terminal.streams import set_up_streams

from .build import Artefact, PairError, build, embed, human, machine
from .push import push
from .repository import assemble_all

PROGRAM = "python -m export"


@dataclass(frozen=True)
class ExportOptions:
    """Options of `python -m export`."""

    what: str = option(
        "all", "which models", choices=("all", "machine", "human", "photos"), operand=True
    )
    runs: Path = option(Path("runs"), "trained checkpoints")
    out: Path = option(Path("runs/export"), "where to write")
    human: str = option("default", "which trained HVS-SD to ship")
    half: bool = option(False, "write half-precision graphs as well, and their error")
    embed: bool = option(False, "write into engine/models/weights and engine/models/registry.py")


@dataclass(frozen=True)
class CardsOptions:
    """Options of `python -m export cards`."""

    weights: Path | None = option(None, "folder of models (default: embedded)")
    out: Path = option(Path("runs/hub"), "where to write")


def main(arguments: list[str] | None = None) -> int:
    set_up_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["push"]:
            return push(arguments[1:])
        if arguments[:1] == ["cards"]:
            return cards(arguments[1:])
        if arguments[:1] == ["licences"]:
            from .licences.listed import licences

            print(*licences(), sep="\n")
            return 0
        return export(arguments)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def cards(arguments: list[str]) -> int:
    """Every repository's folder, from weights that are there."""
    parser = new_parser(
        f"{PROGRAM} cards",
        "The Hub repositories as folders: weights, provenance, config.json and card.",
        ("", "--weights runs/export --out hub"),
    )
    add_options(parser, CardsOptions)
    options = options_from(parser.parse_args(arguments), CardsOptions)
    for folder in assemble_all(options.weights or EMBEDDED, options.out):
        print(folder)
    return 0


def export(arguments: list[str]) -> int:
    """Checkpoints to checked ONNX files, and the folders of their repositories."""
    parser = new_parser(
        PROGRAM, __doc__, ("--embed", "machine --runs runs --out exported"), laid_out=True
    )
    add_options(parser, ExportOptions)
    options = options_from(parser.parse_args(arguments), ExportOptions)
    if options.half and options.embed:
        parser.error("--half is for the Hub: the package embeds one graph of each; leave one out")
    out = EMBEDDED if options.embed else options.out

    from .check import ParityError

    try:
        chosen = artefacts(options.what, options.runs, out, options.human)
        files = build(chosen, out, half=options.half)
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
    """The models to export. Raises PairError, and FileNotFoundError for `human` and `photos`."""
    if what == "photos":
        from .photo.artefacts import photos

        return photos(runs, out)
    models = [] if what == "human" else machine(runs, out)
    try:
        return models if what == "machine" else models + human(runs, name)
    except FileNotFoundError as error:
        if what == "human":
            raise
        print(f"hvs-sd: left out, {error}", file=sys.stderr)
        return models


if __name__ == "__main__":
    sys.exit(main())
