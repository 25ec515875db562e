"""`python -m export`: trained checkpoints to checked ONNX files with their provenance.

Reads RUNS/classifiers and RUNS/generators/NAME.safetensors; writes to --out the classifiers, the
generator, `provenance.json` (sha256, data, command, seed, accuracy of each file) and `export.json`
(the parity report). A graph that differs from its network is not written.
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


class PairError(Exception):
    """A generator that was trained against another panel."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="trained checkpoints")
    parser.add_argument("--out", type=Path, default=Path("runs/export"), help="where to write")
    parser.add_argument("--generator", default="default", help="which trained generator to ship")
    parser.add_argument(
        "--embed", action="store_true", help="write into engine/weights and engine/models.py"
    )
    options = parser.parse_args(arguments)
    out = EMBEDDED if options.embed else options.out

    from .check import ParityError

    try:
        files = build(options.runs, out, options.generator)
    except (ParityError, PairError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, entry in files.items():
        print(f"{out / name}  {entry['bytes']:,} bytes  sha256 {entry['sha256']}")
    if options.embed:
        embed(files)
    return 0


def build(runs: Path, out: Path, generator: str) -> dict[str, dict]:
    """Export all graphs, check them, and only then put them into `out`; return provenance."""
    from training.generator import load_generator
    from training.looks import digest, load_panel

    from .check import check_parity
    from .graphs import ClassifierGraph, export_classifier, export_generator, generator_graph

    panel, trained = load_panel(runs)
    network, note = load_generator(runs / "generators" / f"{generator}.safetensors")
    if note["panel"] != digest(panel):
        raise PairError(f"generator {generator} was trained against another panel: train it anew")

    files, parity = {}, {}
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        for name, classifier, row in zip(PANEL, panel.classifiers.values(), trained, strict=True):
            path = Path(folder) / MODELS[name].file
            export_classifier(classifier, path, training=row)
            parity[path.name] = check_parity(ClassifierGraph(classifier), path)
            files[path.name] = describe(path, row)
        path = Path(folder) / MODELS[GENERATOR].file
        settings = {key: value for key, value in note.items() if key != "history"}
        export_generator(network, path, training=settings)
        parity[path.name] = check_parity(generator_graph(network), path)
        files[path.name] = describe(path, note)
        for name in files:
            os.replace(Path(folder) / name, out / name)
    write_json(out / PROVENANCE, {"files": files})
    write_json(
        out / "export.json",
        {
            "compared": "PyTorch and ONNX Runtime on the CPU, largest absolute difference",
            "parity": {name: [vars(row) for row in rows] for name, rows in parity.items()},
        },
    )
    return files


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


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
