"""Trained checkpoints to checked ONNX files, their provenance and the parity report."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.models import registry
from engine.models.locate import locate, sha256_of
from engine.models.registry import GENERATORS, HUMAN, LICENCE, MODELS, PANEL, PROVENANCE, UNSEEN
from engine.system.files import write_files, write_text

PARITY = "export.json"
LARGE = 4_000  # numbers in a weight of a classifier outside the panel that is stored in 8 bits
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
    tolerance: float = 1e-4  # largest difference of an output


def human(runs: Path, name: str) -> list[Artefact]:
    """HVS-SD. Raises FileNotFoundError where NAME is not trained or not calibrated."""
    from .human import calibrated_human, export_human

    model, note, calibration = calibrated_human(name, runs)
    write = partial(export_human, model, training=note, calibration=calibration)
    return [Artefact(HUMAN, model, note | {"calibration": calibration}, write)]


def machine(runs: Path, out: Path) -> list[Artefact]:
    """The panel, and of the other classifiers and the generators those that were trained.

    The panel that ships stays in `out` as it is, unless RUNS holds another. Raises PairError where
    a generator, to be exported or already in `out`, belongs to another panel, and where there is
    none at all.
    """
    from training.train.machine.classifiers import load_classifier
    from training.train.machine.networks import load_generator
    from training.train.machine.predictions import digest, load_panel, trained_panel

    from .graphs import ClassifierGraph, export_classifier, export_generator, generator_graph

    panel, trained = load_panel(runs)
    classifiers = []
    if trained_panel(runs) or not holds_shipped_panel(out):
        classifiers = list(zip(PANEL, panel.classifiers.values(), trained, strict=True))
    artefacts = [
        Artefact(
            model,
            ClassifierGraph(network),
            note,
            partial(export_classifier, network, training=note),
        )
        for model, network, note in classifiers
    ]
    for model in UNSEEN:
        path = runs / "classifiers" / f"{model.removesuffix('-cifar10')}.safetensors"
        if path.exists():
            artefacts.append(outsider(model, *load_classifier(path)))
    for name, model in GENERATORS.items():
        path = runs / "generators" / f"{name}.safetensors"
        if path.exists():
            network, note = load_generator(path)
            if note["panel"] != digest(panel):
                raise PairError(
                    f"generator {name} was trained against another panel: train it anew"
                )
            settings = {key: value for key, value in note.items() if key != "history"}
            artefacts.append(
                Artefact(
                    model,
                    generator_graph(network),
                    note,
                    partial(export_generator, network, training=settings),
                )
            )
    present = any((out / MODELS[model].file).exists() for model in GENERATORS.values())
    if not (present or any(artefact.model in GENERATORS.values() for artefact in artefacts)):
        raise PairError(
            f"{runs}/generators holds none of {', '.join(GENERATORS)}: "
            "train one with `python -m training generator --preset refined --name conditioned`"
        )
    check_pairs(out, digest(panel), {artefact.model for artefact in artefacts})
    return artefacts


def outsider(model: str, network: Any, note: dict) -> Artefact:
    """A classifier outside the panel, its large weights stored in 8 bits per output channel.

    It takes part in nothing but a few rows of the results, so that its file is to be small.
    """
    from engine.networks.photo import quantised

    from .graphs import ClassifierGraph, export_classifier

    stored = quantised.pack(network, lambda _, weight: weight.numel() >= LARGE)
    network.load_state_dict(quantised.unpack(stored))
    write = partial(export_classifier, network, training=note, stored=stored)
    return Artefact(model, ClassifierGraph(network).eval(), note, write)


def holds_shipped_panel(out: Path) -> bool:
    """Whether `out` has the very files that `load_panel` falls back to."""
    own = {model: out / MODELS[model].file for model in PANEL}
    return all(
        path.exists() and sha256_of(path) == locate(model).sha256 for model, path in own.items()
    )


def check_pairs(out: Path, panel: str, exported: set[str]) -> None:
    """Raise PairError where `out` would keep a generator of another panel than this digest."""
    provenance = out / PROVENANCE
    listed = json.loads(provenance.read_text())["files"] if provenance.exists() else {}
    for name, model in GENERATORS.items():
        file = MODELS[model].file
        if model in exported or file not in listed or not (out / file).exists():
            continue
        trained = listed[file]["training"].get("panel")
        if trained != panel:
            raise PairError(
                f"{out / file} was trained against panel {trained}, the classifiers are {panel}: "
                f"train it anew (`python -m training generator --name {name}`), or delete it"
            )


def build(artefacts: list[Artefact], out: Path, *, half: bool = False) -> dict[str, dict]:
    """Export all graphs, check them, and only then write them to `out`; return provenance.

    Graphs, provenance and parity report are replaced together or not at all. half: each graph in
    half precision as well, with what that costs in the report. Raises OutputError.
    """
    from training.records.record import indented

    from .check import check_parity
    from .half import half_report, write_half

    files, parity, halves = {}, {}, {}
    panel = {a.model: a.module for a in artefacts if a.model in PANEL}
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        for artefact in artefacts:
            path = Path(folder) / MODELS[artefact.model].file
            artefact.write(path)
            rows = check_parity(artefact.module, path, tolerance=artefact.tolerance)
            parity[path.name] = [vars(row) for row in rows]
            files[path.name] = describe(path) | {"training": artefact.note}
            if half:
                smaller = write_half(path)
                halves[smaller.name] = half_report(artefact.module, smaller, panel)
                files[smaller.name] = describe(smaller) | {"half_of": path.name}
        reports = {
            PROVENANCE: updated(out / PROVENANCE, {"files": files}),
            PARITY: updated(
                out / PARITY,
                {"parity": parity} | ({"half": halves} if half else {}),
                {"compared": COMPARED},
            ),
        }
        graphs = {out / name: (Path(folder) / name).read_bytes() for name in files}
        texts = {out / name: f"{indented(value)}\n".encode() for name, value in reports.items()}
        write_files(graphs | texts)
    return files


def updated(path: Path, sections: dict[str, dict], head: dict[str, str] | None = None) -> dict:
    """A JSON file's content, where there is one, with entries added to its sections.

    head: what a new file begins with.
    """
    whole = (head or {}) | (json.loads(path.read_text()) if path.exists() else {})
    for name, entries in sections.items():
        whole[name] = whole.get(name, {}) | entries
    return whole


def embed(files: dict[str, dict]) -> None:
    """Write the files' sha256 and sizes into the table of `engine/models/registry.py`."""
    table = Path(registry.__file__)
    text = table.read_text()
    for name, entry in files.items():
        row = re.compile(rf'(_row\(\s*"{Path(name).stem}",\s*)"[^"]*"(,\s*)[\d_]+')
        new = rf'\g<1>"{entry["sha256"]}"\g<2>{entry["bytes"]:_}'
        text, count = row.subn(new, text)
        if count != 1:
            raise ValueError(f"{table} has {count} rows for {name}, expected 1")
    write_text(table, text)


def describe(path: Path) -> dict:
    """One file's provenance, without how it was trained."""
    from training.records.record import versions

    return {
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "licence": LICENCE,
        "versions": versions(),
    }
