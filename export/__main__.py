"""`python -m export`: trained checkpoints to checked ONNX files with their provenance.

Reads RUNS/classifiers and RUNS/generators/NAME.safetensors; writes to --out the panel, the
generator, `provenance.json` (sha256, data, command, seed, accuracy of each file) and
`export.json` (the parity report). A graph that differs from its network is not written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

PANEL, GENERATOR = "panel-cifar10.onnx", "generator-cifar10.onnx"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="trained checkpoints")
    parser.add_argument("--out", type=Path, default=Path("runs/export"), help="where to write")
    parser.add_argument("--generator", default="default", help="which trained generator to ship")
    options = parser.parse_args(arguments)

    from .check import ParityError

    try:
        for name, entry in build(options.runs, options.out, options.generator).items():
            print(f"{options.out / name}  {entry['bytes']:,} bytes  sha256 {entry['sha256']}")
    except (ParityError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build(runs: Path, out: Path, generator: str) -> dict[str, dict]:
    """Export both graphs, check them, and only then put them into `out`; return provenance."""
    from training.generator import load_generator
    from training.looks import load_panel

    from .check import check_parity
    from .graphs import PanelGraph, export_generator, export_panel, generator_graph

    panel, classifiers = load_panel(runs)
    network, note = load_generator(runs / "generators" / f"{generator}.safetensors")
    settings = {key: value for key, value in note.items() if key != "history"}

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        staged = Path(folder)
        export_panel(panel, staged / PANEL, size=classifiers[0]["size"], training=classifiers)
        export_generator(network, staged / GENERATOR, training=settings)
        parity = {
            PANEL: check_parity(PanelGraph(panel), staged / PANEL),
            GENERATOR: check_parity(generator_graph(network), staged / GENERATOR),
        }
        training = {PANEL: classifiers, GENERATOR: note}
        files = {name: describe(staged / name, training[name]) for name in (PANEL, GENERATOR)}
        for name in files:
            os.replace(staged / name, out / name)
    write_json(out / "provenance.json", {"files": files})
    write_json(
        out / "export.json",
        {
            "compared": "PyTorch and ONNX Runtime on the CPU, largest absolute difference",
            "parity": {name: [vars(row) for row in rows] for name, rows in parity.items()},
        },
    )
    return files


def describe(path: Path, training: dict | list[dict]) -> dict:
    """One file's provenance."""
    from training.record import versions

    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "licence": "Apache-2.0",
        "versions": versions(),
        "training": training,
    }


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
