"""`python -m export [machine|human]`: trained checkpoints to checked ONNX files and provenance.

machine reads RUNS/classifiers and RUNS/generators/NAME.safetensors and writes the classifiers and
the generator; human reads RUNS/human/NAME.* and writes hvs-sd. Both add to --out's
`provenance.json` (sha256, data, command, seed, accuracy of each file) and `export.json` (the parity
report). A graph that differs from its network is not written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from engine import models
from engine.models import EMBEDDED, GENERATOR, LICENCE, MODELS, PANEL, PROVENANCE

NAMED = {"machine": "generator", "human": "human"}  # the option that names the checkpoint


class PairError(Exception):
    """A generator that was trained against another panel."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=("machine", "human"), default="machine")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="trained checkpoints")
    parser.add_argument("--out", type=Path, default=Path("runs/export"), help="where to write")
    parser.add_argument("--generator", default="default", help="which trained generator to ship")
    parser.add_argument("--human", default="default", help="which trained HVS-SD to ship")
    parser.add_argument(
        "--embed", action="store_true", help="write into engine/weights and engine/models.py"
    )
    options = parser.parse_args(arguments)
    out = EMBEDDED if options.embed else options.out

    from .check import ParityError

    try:
        files = build(options.what, options.runs, out, getattr(options, NAMED[options.what]))
    except (ParityError, PairError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, entry in files.items():
        print(f"{out / name}  {entry['bytes']:,} bytes  sha256 {entry['sha256']}")
    if options.embed:
        embed(files)
    return 0


def build(what: str, runs: Path, out: Path, name: str) -> dict[str, dict]:
    """Export and check all graphs, and only then put them into `out`; return provenance."""
    from .human import build_human

    builder = {"machine": build_machine, "human": build_human}[what]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        trained, parity = builder(runs, Path(folder), name)
        out.mkdir(exist_ok=True)
        files = {file: describe(Path(folder) / file, note) for file, note in trained.items()}
        for file in files:
            os.replace(Path(folder) / file, out / file)
    add_json(out / PROVENANCE, "files", files)
    add_json(
        out / "export.json",
        "parity",
        {file: [vars(row) for row in rows] for file, rows in parity.items()},
        compared="PyTorch and ONNX Runtime on the CPU, largest absolute difference",
    )
    return files


def build_machine(runs: Path, folder: Path, generator: str) -> tuple[dict[str, dict], dict]:
    """Export and check the panel and the generator into `folder` -> notes and parity per file."""
    from training.generator import load_generator
    from training.looks import digest, load_panel

    from .check import check_parity
    from .graphs import ClassifierGraph, export_classifier, export_generator, generator_graph

    panel, rows = load_panel(runs)
    network, note = load_generator(runs / "generators" / f"{generator}.safetensors")
    if note["panel"] != digest(panel):
        raise PairError(f"generator {generator} was trained against another panel: train it anew")
    trained, parity = {}, {}
    for name, classifier, row in zip(PANEL, panel.classifiers.values(), rows, strict=True):
        path = folder / MODELS[name].file
        export_classifier(classifier, path, training=row)
        trained[path.name], parity[path.name] = row, check_parity(ClassifierGraph(classifier), path)
    path = folder / MODELS[GENERATOR].file
    settings = {key: value for key, value in note.items() if key != "history"}
    export_generator(network, path, training=settings)
    trained[path.name], parity[path.name] = note, check_parity(generator_graph(network), path)
    return trained, parity


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
    from training.record import versions

    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "licence": LICENCE,
        "versions": versions(),
        "training": training,
    }


def add_json(path: Path, key: str, rows: dict, **fixed: str) -> None:
    """Add rows to one dictionary of a JSON file; the rows of other exports stay."""
    whole = json.loads(path.read_text()) if path.exists() else {}
    whole = fixed | whole | {key: whole.get(key, {}) | rows}
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
