"""`python -m export [machine|human]`: trained checkpoints to checked ONNX files and provenance.

machine reads RUNS/classifiers and RUNS/generators and writes every classifier and generator of
`engine/models.py` that has a checkpoint there; human reads RUNS/human/NAME.* and writes hvs-sd.
Both add to --out's `provenance.json` (sha256, data, command, seed, accuracy of each file) and
`export.json` (the parity report). Where a graph differs from its network, nothing is written.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine import models
from engine.models import EMBEDDED, GENERATORS, HUMAN, LICENCE, MODELS, PANEL, PROVENANCE, UNSEEN

PARITY = "export.json"
COMPARED = "PyTorch and ONNX Runtime on the CPU, largest absolute difference"


class PairError(Exception):
    """A generator that was trained against another panel, or no generator at all."""


@dataclass(frozen=True)
class Artefact:
    """One graph to write: the row of `MODELS`, its network, how it was trained, what writes it."""

    model: str
    module: Any  # torch.nn.Module; torch is imported late
    note: dict
    write: Callable[[Path], None]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=("machine", "human"), default="machine")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="trained checkpoints")
    parser.add_argument("--out", type=Path, default=Path("runs/export"), help="where to write")
    parser.add_argument("--human", default="default", help="which trained HVS-SD to ship")
    parser.add_argument(
        "--embed", action="store_true", help="write into engine/weights and engine/models.py"
    )
    options = parser.parse_args(arguments)
    out = EMBEDDED if options.embed else options.out

    from .check import ParityError

    try:
        if options.what == "human":
            files = build(human(options.runs, options.human), out)
        else:
            files = build(machine(options.runs), out)
    except (ParityError, PairError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, entry in files.items():
        print(f"{out / name}  {entry['bytes']:,} bytes  sha256 {entry['sha256']}")
    if options.embed:
        embed(files)
    return 0


def human(runs: Path, name: str) -> list[Artefact]:
    """HVS-SD. Raises FileNotFoundError where NAME is not trained or not calibrated."""
    from .human import calibrated_human, export_human

    model, note, calibration = calibrated_human(name, runs)
    write = partial(export_human, model, training=note, calibration=calibration)
    return [Artefact(HUMAN, model, note | {"calibration": calibration}, write)]


def machine(runs: Path) -> list[Artefact]:
    """The panel, and of the other classifiers and the generators those that were trained."""
    from training.classifiers import load_classifier
    from training.generator import load_generator
    from training.looks import digest, load_panel

    from .graphs import ClassifierGraph, export_classifier, export_generator, generator_graph

    panel, trained = load_panel(runs)
    classifiers = list(zip(PANEL, panel.classifiers.values(), trained, strict=True))
    for model in UNSEEN:
        path = runs / "classifiers" / f"{model.removesuffix('-cifar10')}.safetensors"
        if path.exists():
            classifiers.append((model, *load_classifier(path)))
    found = [
        Artefact(
            model,
            ClassifierGraph(network),
            note,
            partial(export_classifier, network, training=note),
        )
        for model, network, note in classifiers
    ]
    for name, model in GENERATORS.items():
        path = runs / "generators" / f"{name}.safetensors"
        if path.exists():
            network, note = load_generator(path)
            if note["panel"] != digest(panel):
                raise PairError(
                    f"generator {name} was trained against another panel: train it anew"
                )
            settings = {key: value for key, value in note.items() if key != "history"}
            found.append(
                Artefact(
                    model,
                    generator_graph(network),
                    note,
                    partial(export_generator, network, training=settings),
                )
            )
    if len(found) == len(classifiers):
        raise PairError(
            f"{runs}/generators holds none of {', '.join(GENERATORS)}: "
            "train one with `python -m training generator --preset refined --name conditioned`"
        )
    return found


def build(found: list[Artefact], out: Path) -> dict[str, dict]:
    """Export all graphs, check them, and only then put them into `out`; return provenance."""
    from .check import check_parity

    files, parity = {}, {}
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        for artefact in found:
            path = Path(folder) / MODELS[artefact.model].file
            artefact.write(path)
            parity[path.name] = [vars(row) for row in check_parity(artefact.module, path)]
            files[path.name] = describe(path, artefact.note)
        for name in files:
            os.replace(Path(folder) / name, out / name)
    update(out / PROVENANCE, "files", files)
    update(out / PARITY, "parity", parity, compared=COMPARED)
    return files


def update(path: Path, key: str, entries: dict, **said: str) -> None:
    """Put entries under `key` of a JSON file, new or there already; others of it stay."""
    whole = said | (json.loads(path.read_text()) if path.exists() else {})
    whole[key] = whole.get(key, {}) | entries
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")


def embed(files: dict[str, dict]) -> None:
    """Write the files' sha256 into the table of `engine/models.py`."""
    table = Path(models.__file__)
    text = table.read_text()
    for name, entry in files.items():
        row = re.compile(rf'(_row\(\s*"{Path(name).stem}",\s*)"[^"]*"')
        text, count = row.subn(rf'\g<1>"{entry["sha256"]}"', text)
        if count != 1:
            raise ValueError(f"{table} has {count} rows for {name}, expected 1")
    table.write_text(text)


def describe(path: Path, training: dict) -> dict:
    """One file's provenance."""
    from training import checkpoint
    from training.record import versions

    return {
        "sha256": checkpoint.digest(path),
        "bytes": path.stat().st_size,
        "licence": LICENCE,
        "versions": versions(),
        "training": training,
    }


if __name__ == "__main__":
    sys.exit(main())
